import type { Metadata } from "next";
import Script from "next/script";

export const metadata: Metadata = {
  metadataBase: new URL(process.env.NEXT_PUBLIC_SITE_URL!), //: NEXT_PUBLIC_SITE_URL
  title: "Acme",
};

type Renderer = <T>(value: T) => JSX.Element;
const identity = <T,>(value: T): T => value;
const pick = <T extends object, K extends keyof T>(value: T, key: K) => value[key];

export default function RootLayout({ children }: { children: React.ReactNode }) {
  const gaId = process.env.NEXT_PUBLIC_GA_ID; //: NEXT_PUBLIC_GA_ID
  const wide = window.innerWidth < 800 && window.innerHeight > 600;
  return (
    <html lang="en">
      <body className={wide ? "wide" : 'it\'s "narrow"'}>
        <p>Don't set process.env.NOT_IN_TEXT here; it's only text, isn't it? `process.env.NOR_HERE`</p>
        {/* process.env.NOT_IN_A_JSX_COMMENT */}
        <a href={process.env.NEXT_PUBLIC_DOCS_URL as string} title="don't">Docs // {process.env["NEXT_PUBLIC_DOCS_NAME"] ?? "here"}</a> {/*: NEXT_PUBLIC_DOCS_URL NEXT_PUBLIC_DOCS_NAME? */}
        <code>{"process.env.NOT_IN_A_STRING"}</code>
        {children}
        <br />
        <>
          {gaId && (
            <Script id="ga">{`gtag('config', '${process.env.NEXT_PUBLIC_GA_ID}'); // process.env.NOT_IN_A_TEMPLATE`}</Script> //: NEXT_PUBLIC_GA_ID
          )}
        </>
        <Table<Row> rows={rows.map((row) => ({ ...row, url: `/r/${row.id}` }))} empty={process.env.NEXT_PUBLIC_EMPTY} /> {/*: NEXT_PUBLIC_EMPTY */}
        <style jsx>{`
          a::before { content: '"'; }
        `}</style>
        <Footer year={new Date().getFullYear()} rate={1 / 2} re={/<p>|"/.source} host={process.env.HOST_NAME} /> {/*: HOST_NAME */}
      </body>
    </html>
  );
}

export const after: string | undefined = process.env.AFTER_JSX; //: AFTER_JSX

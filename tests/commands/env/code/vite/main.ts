/// <reference types="vite/client" />
import * as Sentry from "@sentry/browser";

if (import.meta.env.PROD) { //: PROD
  Sentry.init({ dsn: import.meta.env.VITE_SENTRY_DSN, environment: import.meta.env.MODE }); //: VITE_SENTRY_DSN MODE
}

export const apiUrl: string = import.meta.env.VITE_API_URL ?? "/api"; //: VITE_API_URL?
export const title = (import.meta as any).env.VITE_TITLE; //: VITE_TITLE
export const flags = import.meta.env["VITE_FLAGS"]?.split(",") || []; //: VITE_FLAGS?
export const { VITE_MAP_KEY, VITE_MAP_STYLE = "light" } = import.meta.env; //: VITE_MAP_KEY VITE_MAP_STYLE?
export const at = (name: string) => import.meta.env[`VITE_${name}`]; //: dynamic
const pages = import.meta.glob("./pages/*.ts");
const here = import.meta.url;
export const base = import.meta.env.BASE_URL; //: BASE_URL
if (import.meta.hot) import.meta.hot.accept();

import { NextResponse, type NextRequest } from "next/server";

const required = (name: string): string => process.env[name] ?? raise(`process.env.${name} is missing`); //: dynamic

function raise(message: string): never {
  throw new Error(message);
}

const STRIPE = process.env.STRIPE_SECRET_KEY ?? raise("STRIPE_SECRET_KEY"); //: STRIPE_SECRET_KEY
const WEBHOOK = process.env.STRIPE_WEBHOOK_SECRET ?? (() => { throw new Error("STRIPE_WEBHOOK_SECRET"); })(); //: STRIPE_WEBHOOK_SECRET
const origins = process.env.ALLOWED_ORIGINS?.split(",").map((s) => s.trim()) ?? ["https://acme.com"]; //: ALLOWED_ORIGINS?
const names = process.env.ALLOWED_NAMES!.split(",") ?? []; //: ALLOWED_NAMES
const limit = Number(process.env.RATE_LIMIT) || 100; //: RATE_LIMIT?
const burst = parseInt(process.env.RATE_BURST as string, 10) || 10; //: RATE_BURST?
const region = (process.env.REGION as string) || "fra1"; //: REGION?
const maybe = process.env.MAYBE ?? undefined; //: MAYBE
const secret: string = <string>process.env.CAST_SECRET; //: CAST_SECRET
const debug = process.env.DEBUG_LOG === "1" || process.env.NODE_ENV !== "production"; //: DEBUG_LOG NODE_ENV

export async function POST(request: NextRequest) {
  if (!process.env.CRON_SECRET || request.headers.get("authorization") !== `Bearer ${process.env.CRON_SECRET}`) { //: CRON_SECRET CRON_SECRET
    return NextResponse.json({ error: "set process.env.CRON_SECRET" }, { status: 401 });
  }
  const { FROM_EMAIL, REPLY_TO: replyTo = "help@acme.com", "SMTP_HOST": host, SMTP_PORT = "587" } = process.env; //: FROM_EMAIL REPLY_TO? SMTP_HOST SMTP_PORT?
  const {
    // the queue's
    QUEUE_URL, //: QUEUE_URL
    QUEUE_NAME = process.env.QUEUE_FALLBACK ?? "jobs", //: QUEUE_NAME? QUEUE_FALLBACK?
    ...others //: whole
  }: { QUEUE_URL?: string } & NodeJS.ProcessEnv = process.env;
  return NextResponse.json({ ok: 4 / 2 / 1, at: Date.now(), host, replyTo, FROM_EMAIL, others });
}

export { API_BASE } from "./base";
export const { PUBLIC_NAME } = process.env; //: PUBLIC_NAME
export const MAP: Record<string, string | undefined> = { key: process.env?.MAP_KEY, ["x"]: process?.env?.["MAP_TOKEN"] }; //: MAP_KEY MAP_TOKEN

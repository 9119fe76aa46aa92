import { load } from "jsr:@std/dotenv";

await load({ export: true });
const token = Deno.env.get("GITHUB_TOKEN"); //: GITHUB_TOKEN
const port = Number(Deno.env.get("HTTP_PORT") ?? "8000"); //: HTTP_PORT?
const kv = await Deno.openKv(Deno.env.get('KV_PATH') || undefined); //: KV_PATH
const get = (name: string) => Deno.env.get(name)!; //: dynamic
if (!Deno.env.has("OPTIONAL_FLAG")) Deno.env.set("WRITTEN", "1");
const { ORIGIN, STAGE = "dev" } = Deno.env.toObject(); //: ORIGIN STAGE?
// Deno.env.get("NOT_READ")
Deno.serve({ port }, (_request) => new Response(`Deno.env.get("TEXT") ${Deno.env.get("GREETING")}`)); //: GREETING
Deno.env.delete("GONE");

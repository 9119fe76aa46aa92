import { Database } from "bun:sqlite";

const db = new Database(Bun.env.DB_FILE ?? "app.db"); //: DB_FILE?
const server = Bun.serve({
  port: Bun.env.BUN_PORT, //: BUN_PORT
  fetch(request) {
    const { SIGNING_KEY } = Bun.env; //: SIGNING_KEY
    return new Response(Bun.env["REPLY"]!, { headers: { "x-key": SIGNING_KEY as string, "x": Bun.env[request.url] ?? "" } }); //: REPLY dynamic
  },
});
console.log(`Bun.env.TEXT on ${server.port}, ${import.meta.env.BUN_META}`); //: BUN_META

// The API reference's Node.js sample, with `?? ""` for a missing header and a body limit of 2 MiB.
import { createHmac, timingSafeEqual } from "crypto";
import { createServer } from "http";

const LIMIT = 2 * 1024 * 1024;

function verifySignature(rawBody, secret, signature) {
  const expected = "sha256=" + createHmac("sha256", secret)
    .update(rawBody)
    .digest("hex");
  const a = Buffer.from(expected, "utf8");
  const b = Buffer.from(signature, "utf8");
  return a.length === b.length && timingSafeEqual(a, b);
}

const server = createServer((req, res) => {
  const chunks = [];
  let size = 0;
  req.on("data", (chunk) => {
    size += chunk.length;
    if (size <= LIMIT) chunks.push(chunk);
  });
  req.on("end", () => {
    const answer = (status, text) => {
      res.statusCode = status;
      res.end(text);
    };
    if (size > LIMIT) return answer(413, "Too large");
    const body = Buffer.concat(chunks);
    const sig = req.headers["x-deploxa-signature"] ?? "";
    if (!verifySignature(body.toString(), process.env.WEBHOOK_SECRET, sig)) {
      return answer(401, "Invalid signature");
    }
    const payload = JSON.parse(body.toString());
    console.error("Event:", payload.event);
    answer(200, "OK");
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));

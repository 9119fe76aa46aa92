import http from 'node:http'
import { argv, env as environment } from 'node:process'
import process from 'node:process'
import { spawn } from 'node:child_process'

const { SESSION_SECRET, COOKIE_DOMAIN = 'localhost', COOKIE_NAME: cookie = /* the usual */ 'sid' } = environment //: SESSION_SECRET COOKIE_DOMAIN? COOKIE_NAME?

export const server = http.createServer((req, res) => {
  if (req.url === '/health') return res.end(environment.RELEASE) //: RELEASE
  const child = spawn('convert', [], { env: { ...process.env, MAGICK_LIMIT: '1' } }) //: whole
  child.stdout.pipe(res)
  const options = { process: { env: { INNER: 1 } } }
  res.setHeader('x', options.process.env.INNER)
  res.setHeader('y', globalThis.process.env.GLOBAL_NAME) //: GLOBAL_NAME
  const total = items.reduce((a, b) => a + b, 0) / 2, half = total / 2; const regex = /\/\*/; const c = process.env.AFTER_REGEX //: AFTER_REGEX
  if ('FEATURE_X' in process.env) total++
  res.end(process.env.hasOwnProperty('X') ? String(process.env.A_NUMBER ?? 1) : "\
process.env.IN_A_CONTINUED_STRING")
}) //: A_NUMBER?@-2

async function main ({ env }) {
  await env.notTheEnvironment.load()
  return import(process.env.PLUGIN) //: PLUGIN
}

export { environment as env } //: whole

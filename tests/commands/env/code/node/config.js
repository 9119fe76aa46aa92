#!/usr/bin/env node
'use strict'
require('dotenv').config()

const env = process.env

function bool (name, fallback) {
  const value = env[name] //: dynamic
  return value === undefined ? fallback : /^(1|true|yes)$/i.test(value)
}

module.exports = {
  port: env.PORT || 3000, //: PORT?
  redis: { url: env.REDIS_URL, tls: bool('REDIS_TLS', false) }, //: REDIS_URL
  db: env.DATABASE_URL ?? `postgres://${env.PGUSER}:${env.PGPASSWORD || ''}@localhost/app`, //: DATABASE_URL? PGUSER PGPASSWORD?
  log: (env.LOG_LEVEL || 'info').toLowerCase(), //: LOG_LEVEL?
  ratio: 10 / env.RATIO / 2, //: RATIO
  kept: row.in / 2 + env.KEPT / row.of / 2, //: KEPT
  re: /[/'"]process\.env\.NOT/g,
  timeout: +process.env.TIMEOUT || 30, //: TIMEOUT?
  proxied: process.env.HTTP_PROXY || process.env.HTTPS_PROXY || null //: HTTP_PROXY? HTTPS_PROXY
}

process.env.TZ = 'UTC'
process.env['NODE_NO_WARNINGS'] = '1'
process.env.OPENSSL_CONF ||= '/dev/null' //: OPENSSL_CONF?
delete process.env.NODE_OPTIONS
process.env[`SET_${Date.now()}`] = 'x'
for (const key of Object.keys(process.env)) console.log(key) //: whole

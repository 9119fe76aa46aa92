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

const { env: own, exit } = require('node:process')
exports.own = own.OWN_NAME || own['OWN_' + name] //: OWN_NAME? dynamic
exports.required = require("process").env.OWN_REQUIRED //: OWN_REQUIRED
exports.port = process.env.T_PORT ? Number(process.env.T_PORT) : 3000 //: T_PORT? T_PORT?
exports.list = own.T_LIST ? own.T_LIST.split(',').map(trim) : [] //: T_LIST? T_LIST?
exports.other = own.T_OTHER ? own.T_ELSE : own.T_LAST //: T_OTHER? T_ELSE T_LAST
exports.none = own.T_NONE ? own.T_NONE : null //: T_NONE T_NONE
exports.ends = own.T_ENDS ? parse(own.T_ENDS) : fail('T_ENDS') //: T_ENDS T_ENDS
exports.swapped = own.T_SWAPPED ? 'x' : own.T_SWAPPED //: T_SWAPPED? T_SWAPPED
exports.compared = own.T_MODE === 'a' ? own.T_MODE : 'b' //: T_MODE T_MODE

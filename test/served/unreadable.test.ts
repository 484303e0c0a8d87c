/** A table that can't be read any more while the service runs: what is in memory is given all the same. */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { decode, encode } from 'dns-packet'
import { exchange } from '../ask.ts'
import { ask, type Server, startServer } from '../spawn.ts'

const CONFIG = `[dns]
allow_transfer = ["127.0.0.1"]
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
[web]
registrations_per_hour = 0
`
const PAGE = 4096
const SOA_AT_BOTH_ENDS = 2

let dir: string
let server: Server

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-unreadable-'))
  server = await startServer({ dir, config: CONFIG })
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

function register(n: number): Promise<Response> {
  return fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ipv4: `198.51.100.${n}`, nicname: `h${n}`, country: 'ca', os: 'linux' }),
  })
}

/** All pages but the first. */
function garble(file: string): void {
  const shell = new DatabaseSync(file)
  shell.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  shell.close()
  const descriptor = openSync(file, 'r+')
  for (let at = PAGE; at < statSync(file).size; at += PAGE)
    writeSync(descriptor, Buffer.alloc(PAGE, 0xa5), 0, PAGE, at)
  closeSync(descriptor)
}

async function soa() {
  const { reply } = await ask(server.endpoint(), 'freenet6.net', 'SOA')
  const [answer] = reply.answers ?? []
  return answer?.type === 'SOA' ? answer : assert.fail('a SOA')
}

/** The answers of an IXFR (RFC 1995) from a serial on. */
async function changesSince(serial: number): Promise<readonly { readonly type: string }[]> {
  const now = await soa()
  const message = encode({
    type: 'query',
    id: 7,
    questions: [{ type: 'IXFR', name: 'freenet6.net', class: 'IN' }],
    authorities: [{ ...now, data: { ...now.data, serial } }],
  })
  return decode(await exchange(server.endpoint(), message, { tcp: true })).answers ?? []
}

test('a secondary gets the whole zone from memory where the journal can’t be read, and figures are given but for the table’s', async () => {
  const { serial } = (await soa()).data
  for (const n of [1, 2]) assert.equal((await register(n)).status, 201)
  const isSoa = ({ type }: { readonly type: string }) => type === 'SOA'
  assert.ok((await changesSince(serial ?? 0)).filter(isSoa).length > SOA_AT_BOTH_ENDS, 'changes')
  garble(join(dir, 'data', 'freenet6.db'))
  assert.equal((await register(3)).status, 503)
  const whole = await changesSince(serial ?? 0)
  assert.ok(whole.length > 2 && whole.filter(isSoa).length <= SOA_AT_BOTH_ENDS, 'the whole zone')
  const metrics = await fetch(`${server.web}/metrics`)
  const body = await metrics.text()
  assert.equal(metrics.status, 200, body)
  assert.match(body, /^freenet6_dns_replies_total\{/m)
  assert.doesNotMatch(body, /^freenet6_tunnels\{/m)
  assert.equal((await fetch(`${server.web}/healthz`)).status, 503)
})

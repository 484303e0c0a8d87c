import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { exchange } from '../ask.ts'
import { OPTION, option } from '../engine/edns-options.ts'
import { optOf } from '../engine/zones.ts'
import { missingPackages } from '../packages.ts'
import { hasIpv6Loopback, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'
import { metric } from './settled-memory.ts'

const ZONE = `$ORIGIN freenet6.net.
@ 3600 IN SOA ns1 hostmaster 1 3600 900 604800 60
@ 3600 IN NS ns1
ns1 3600 IN A 192.0.2.53
`
const CLIENT_COOKIE = '2464c4abcf10c957'
const COOKIE_LINE = /\n; COOKIE: ([0-9a-f]{48}) \(good\)\n/
const FAMILIES = hasIpv6Loopback() ? ([4, 6] as const) : ([4] as const)
const TRANSPORTS = ['udp', 'tcp'] as const
const noDig = await missingPackages(['dig'])

let dir: string
let server: Server

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-edns-'))
  mkdirSync(join(dir, 'zones'))
  writeFileSync(join(dir, 'zones', 'freenet6.net.zone'), ZONE)
  server = await startServer({ dir, config: '[dns]\nthreads = 2\n' })
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

interface Asking {
  readonly family: 4 | 6
  readonly transport: 'udp' | 'tcp'
}

/** What dig prints; it neither retries nor answers BADCOOKIE by itself. */
async function dig({ family, transport }: Asking, ...words: readonly string[]): Promise<string> {
  const { address, port } = server.endpoint(family)
  const how = transport === 'tcp' ? '+tcp' : '+notcp'
  const fixed = [`@${address}`, '-p', String(port), '+norec', '+tries=1', '+time=5', '+nobadcookie', how]
  const { stdout } = await promisify(execFile)('dig', [...fixed, ...words])
  return stdout
}

async function cookieFor(asking: Asking): Promise<string> {
  const stdout = await dig(asking, `+cookie=${CLIENT_COOKIE}`, 'freenet6.net', 'soa')
  assert.match(stdout, /status: NOERROR/)
  return COOKIE_LINE.exec(stdout)?.[1] ?? assert.fail(stdout)
}

suite('dig', { skip: noDig ?? false }, () => {
  for (const family of FAMILIES) {
    test(`finds the cookie good, and it stays good on UDP and TCP, IPv${family}`, async () => {
      const cookie = await cookieFor({ family, transport: 'udp' })
      for (const transport of TRANSPORTS) {
        const answer = await dig({ family, transport }, `+cookie=${cookie}`, 'freenet6.net', 'soa')
        assert.match(answer, /status: NOERROR/)
        assert.equal(COOKIE_LINE.exec(answer)?.[1], cookie)
        const alone = await dig({ family, transport }, '+header-only', `+cookie=${cookie}`)
        assert.match(alone, /status: NOERROR/)
        assert.match(alone, /QUERY: 0, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 1/)
      }
    })
  }

  test('asks again by itself after BADCOOKIE, and is then understood', async () => {
    const asking = { family: 4, transport: 'udp' } as const
    const wrong = `+cookie=${CLIENT_COOKIE}${'00'.repeat(16)}`
    assert.match(await dig(asking, '+header-only', wrong), /status: BADCOOKIE/)
    const stdout = await dig(asking, '+header-only', wrong, '+badcookie')
    assert.match(stdout, /BADCOOKIE, retrying/)
    assert.match(stdout, /status: NOERROR/)
  })

  test('is told the idle time-out and gets padding over TCP only, and EXPIRE over both', async () => {
    for (const transport of TRANSPORTS) {
      const words = ['+keepalive', '+padding=128', '+expire', 'freenet6.net', 'soa']
      const stdout = await dig({ family: 4, transport }, ...words)
      assert.match(stdout, /\n; EXPIRE: 604800 /)
      assert.equal(/\n; TCP[- ]KEEPALIVE: 10\.0 secs/i.test(stdout), transport === 'tcp')
      assert.equal(/MSG SIZE {2}rcvd: 468\n/.test(stdout), transport === 'tcp')
    }
  })
})

/** The rcode of a reply to a query for nothing but a cookie; the upper bits are those of the OPT at its end. */
async function rcodeFor(cookie: string, { family, transport }: Asking): Promise<number> {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(1, 10)
  const query = Buffer.concat([head, optOf({ options: option(OPTION.COOKIE, cookie) })])
  const reply = await exchange(server.endpoint(family), query, { tcp: transport === 'tcp', timeout: 10_000 })
  return (reply.readUInt8(3) & 15) | (reply.readUInt8(12 + 5) << 4)
}

suite('a cookie obtained once', { skip: noDig ?? false }, () => {
  // Each query comes from a port of its own, so the kernel spreads them over the threads.
  const QUERIES = 40

  test('is good on every thread and on TCP, and one that was changed is not', async () => {
    const cookie = await cookieFor({ family: 4, transport: 'udp' })
    const wrong = `${cookie.slice(0, -2)}${cookie.endsWith('00') ? '01' : '00'}`
    for (const transport of TRANSPORTS) {
      for (let i = 0; i < QUERIES; i++) {
        assert.equal(await rcodeFor(cookie, { family: 4, transport }), 0)
        assert.equal(await rcodeFor(wrong, { family: 4, transport }), 23)
      }
    }
    await countedAtLeast('freenet6_dns_cookies_total{validity="valid"}', 2 * QUERIES)
    await countedAtLeast('freenet6_dns_replies_total{rcode="badcookie"}', 2 * QUERIES)
  })

  /** Threads publish their counts now and then. */
  async function countedAtLeast(name: string, least: number): Promise<void> {
    await until(async () => (await metric(server, name)) >= least, `${name} is below ${least}`)
  }
})

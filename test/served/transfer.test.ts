import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { encode } from 'dns-packet'
import { COUNTRIES } from '../../src/registration/country.ts'
import { framed } from '../ask.ts'
import { missingPackages } from '../packages.ts'
import { ask, type Server, startServer } from '../spawn.ts'

const HOSTS = 20_000
/** SOA, NS, the nameserver, an alias, a wildcard; the hosts; a name for each country. */
const RECORDS = 5 + HOSTS + COUNTRIES.length
const ZONE = `$ORIGIN freenet6.net.
$TTL 3600
@   IN SOA ns1 hostmaster 1 3600 900 604800 60
@      NS  ns1
ns1    A   192.0.2.53
Mixed  CNAME NS1
*.wild TXT "of \\"any\\" name"
${Array.from({ length: HOSTS }, (_, i) => `h${i} A 10.1.${i >> 8}.${i & 255}`).join('\n')}
`
const SECRET = Buffer.from('the secret of a secondary').toString('base64')
const CONFIG = `[dns]
allow_transfer = ["127.0.0.2", "key:xfr.example"]
[[dns.keys]]
name = "xfr.example"
algorithm = "hmac-sha256"
secret = "${SECRET}"
[[dns.keys]]
name = "other.example"
algorithm = "hmac-sha256"
secret = "${SECRET}"
`

let dir: string
let server: Server

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-transfer-'))
  mkdirSync(join(dir, 'zones'))
  writeFileSync(join(dir, 'zones', 'freenet6.net.zone'), ZONE)
  server = await startServer({ dir, config: CONFIG })
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

/** What a command says to AXFR; `said` holds its records, in the order they came. */
async function transfer(command: 'dig' | 'kdig', words: readonly string[]): Promise<string> {
  const { address, port } = server.endpoint()
  const args = [`@${address}`, '-p', String(port), ...words, 'freenet6.net', 'AXFR']
  const { stdout, stderr } = await promisify(execFile)(command, args, { maxBuffer: 64 << 20 }).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  )
  return stdout + stderr
}

/** The lines that hold a record, white space as one. */
function recordsOf(said: string): readonly string[] {
  return said
    .split('\n')
    .filter(line => /^[^;\s]\S*\s+\d+\s+IN\s/.test(line))
    .map(line => line.replaceAll(/\s+/g, ' ').trim())
}

function assertWhole(records: readonly string[]): void {
  assert.equal(records.length, RECORDS + 1) // the SOA twice
  assert.match(records[0] ?? '', /^freenet6\.net\. 3600 IN SOA ns1\.freenet6\.net\. /)
  assert.equal(records.at(-1), records[0])
  assert.equal(new Set(records).size, RECORDS)
  assert.ok(records.includes('Mixed.freenet6.net. 3600 IN CNAME NS1.freenet6.net.'))
  assert.ok(records.includes(`h${HOSTS - 1}.freenet6.net. 3600 IN A 10.1.78.31`))
}

suite('AXFR with dig', { skip: (await missingPackages(['dig'])) ?? false }, () => {
  test('is refused for its key, and the log says once why', async () => {
    const WRONG = Buffer.from('another secret').toString('base64')
    const refusals = [
      [`hmac-sha256:other.example:${SECRET}`, 'other.example.', /among dns\.allow_transfer/],
      [`hmac-sha256:unknown.example:${SECRET}`, 'unknown.example.', /no key of dns\.keys/],
      [`hmac-sha256:xfr.example:${WRONG}`, 'xfr.example.', /another secret/],
    ] as const
    for (const [key] of refusals)
      for (let times = 0; times < 2; times++)
        await transfer('dig', ['-b', '127.0.0.1', '-y', key]).catch(() => '')
    await transfer('dig', ['-b', '127.0.0.1']).catch(() => '') // a stranger
    const lines = server.stderr.split('\n').filter(line => line.includes('a zone transfer is refused'))
    const told = lines.map(line => JSON.parse(line))
    assert.deepEqual(
      told.map(({ address, zone, key }) => [address, zone, key]),
      refusals.map(([, key]) => ['127.0.0.1', 'freenet6.net.', key]),
    )
    for (const [index, [, , reason]] of refusals.entries()) assert.match(told[index].reason, reason)
  })

  test('is whole for an address that is allowed', async () => {
    assertWhole(recordsOf(await transfer('dig', ['-b', '127.0.0.2'])))
  })

  test('is whole for a key that is allowed, and every message is signed', async () => {
    const said = await transfer('dig', ['-y', `hmac-sha256:xfr.example:${SECRET}`])
    assert.doesNotMatch(said, /Couldn't verify signature|could not be validated|Transfer failed/)
    assertWhole(recordsOf(said))
  })

  test('fails for an address, a key and a signature that are not', async () => {
    const wrong = Buffer.from('nobody knows').toString('base64')
    for (const words of [
      ['-b', '127.0.0.1'],
      ['-y', `hmac-sha256:other.example:${SECRET}`],
      ['-y', `hmac-sha256:xfr.example:${wrong}`],
    ]) {
      const said = await transfer('dig', words)
      assert.match(said, /Transfer failed/)
      assert.deepEqual(recordsOf(said), [])
    }
  })
})

suite('AXFR with kdig', { skip: (await missingPackages(['kdig'])) ?? false }, () => {
  test('is whole, signed in a chain that kdig checks message by message', async () => {
    const said = await transfer('kdig', ['-y', `hmac-sha256:xfr.example:${SECRET}`])
    assert.doesNotMatch(said, /failed to verify TSIG|WARNING|;; ERROR/)
    assertWhole(recordsOf(said).filter(line => !/ TSIG /.test(line)))
    assert.match(said, /\(\d{2,} messages/)
  })

  test('fails without a key that is allowed', async () => {
    assert.match(await transfer('kdig', []), /REFUSED|ERROR/)
  })
})

test('a secondary that reads slowly gets all of it, and others are answered meanwhile', async () => {
  const query = framed(encode({ type: 'query', id: 7, questions: [{ type: 'AXFR', name: 'freenet6.net' }] }))
  const { address, port } = server.endpoint()
  const socket = connect({ host: address, port, localAddress: '127.0.0.2' })
  let octets = 0
  socket.on('data', segment => {
    octets += segment.length
    socket.pause()
    setTimeout(() => socket.resume(), 1)
  })
  const isClosed = once(socket, 'close')
  socket.end(query) // our FIN: the server closes after its last message
  await sleep(50)
  assert.equal((await ask(server.endpoint(), 'h7.freenet6.net', 'A')).rcode, 'NOERROR')
  assert.equal((await ask(server.endpoint(), 'h7.freenet6.net', 'A', { tcp: true })).rcode, 'NOERROR')
  await isClosed
  assert.ok(octets > HOSTS * 16, `${octets} octets`)
})

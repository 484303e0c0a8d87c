import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { TSIG_ALGORITHMS } from '../../src/engine/tsig-key.ts'
import { missingPackages } from '../packages.ts'
import { runCli, type Server, startServer } from '../spawn.ts'

const ZONE = `$ORIGIN freenet6.net.
$TTL 3600
@   IN SOA ns1 hostmaster 1 3600 900 604800 60
@      NS  ns1
ns1    A   192.0.2.53
${Array.from({ length: 40 }, (_, i) => `big TXT "${i} ${'x'.repeat(60)}"`).join('\n')}
`
const ALGORITHMS = Object.keys(TSIG_ALGORITHMS)
const TRANSPORTS = ['udp', 'tcp'] as const
const OTHER_SECRET = secretOf('nobody')
/** With more than one thread, keys have to reach engines in all of them. */
const CONFIG = `[dns]
threads = 2
${ALGORITHMS.map(
  algorithm => `[[dns.keys]]
name = "${keyOf(algorithm)}"
algorithm = "${algorithm}"
secret = "${secretOf(algorithm)}"`,
).join('\n')}
`

let dir: string
let server: Server

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-tsig-'))
  mkdirSync(join(dir, 'zones'))
  writeFileSync(join(dir, 'zones', 'freenet6.net.zone'), ZONE)
  server = await startServer({ dir, config: CONFIG })
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

function keyOf(algorithm: string): string {
  return `${algorithm}.Keys.example`
}

function secretOf(algorithm: string): string {
  return Buffer.from(`the secret of ${algorithm}`).toString('base64')
}

/** What a command says to a question signed with `algorithm:name:secret`. */
async function say(command: 'dig' | 'kdig', signature: string, words: readonly string[]): Promise<string> {
  const { address, port } = server.endpoint()
  const fixed = [`@${address}`, '-p', String(port), '-y', signature, '+norec', '+time=10']
  const { stdout, stderr } = await promisify(execFile)(command, [...fixed, ...words])
  return stdout + stderr
}

function signatureOf(algorithm: string, secret = secretOf(algorithm)): string {
  return `${algorithm}:${keyOf(algorithm)}:${secret}`
}

/** How they say that a signature does not hold. */
const DIG_DOUBTS = /Couldn't verify signature|could not be validated/
const KDIG_DOUBTS = /failed to verify TSIG/

suite('dig, which checks our signatures', { skip: (await missingPackages(['dig'])) ?? false }, () => {
  for (const transport of TRANSPORTS) {
    const how = transport === 'tcp' ? ['+tcp', '+tries=1'] : ['+notcp', '+ignore', '+tries=1']

    for (const algorithm of ALGORITHMS) {
      test(`is answered and convinced with ${algorithm} over ${transport.toUpperCase()}`, async () => {
        const said = await say('dig', signatureOf(algorithm), ['ns1.freenet6.net', 'A', ...how])
        assert.match(said, /status: NOERROR/)
        assert.match(said, /192\.0\.2\.53/)
        assert.match(said, new RegExp(`TSIG\\s+${algorithm}\\. \\d+ 300 .* NOERROR 0`))
        assert.doesNotMatch(said, DIG_DOUBTS)
      })
    }

    test(`is told BADSIG for another secret over ${transport.toUpperCase()}`, async () => {
      const signature = signatureOf('hmac-sha256', OTHER_SECRET)
      const said = await say('dig', signature, ['ns1.freenet6.net', 'A', ...how])
      assert.match(said, /status: NOTAUTH/)
      assert.match(said, /TSIG\s+hmac-sha256\. \d+ 300 0\s+\d+ BADSIG 0/)
      assert.match(said, DIG_DOUBTS)
    })

    test(`is told BADKEY for a key that is not there over ${transport.toUpperCase()}`, async () => {
      const signature = `hmac-sha256:nobody:${OTHER_SECRET}`
      const said = await say('dig', signature, ['ns1.freenet6.net', 'A', ...how])
      assert.match(said, /status: NOTAUTH/)
      assert.match(said, /TSIG\s+hmac-sha256\. \d+ 300 0\s+\d+ BADKEY 0/)
    })
  }

  test('is told BADTRUNC, in a signed reply, for half a MAC', async () => {
    const signature = signatureOf('hmac-sha256').replace('hmac-sha256:', 'hmac-sha256-128:')
    const said = await say('dig', signature, ['ns1.freenet6.net', 'A', '+notcp', '+tries=1'])
    assert.match(said, /status: NOTAUTH/)
    assert.match(said, /TSIG\s+hmac-sha256\. \d+ 300 32 .* BADTRUNC 0/)
  })

  test('is convinced by answers of every kind', async () => {
    for (const [words, status] of [
      [['nobody.freenet6.net', 'A'], 'NXDOMAIN'],
      [['elsewhere.example', 'A'], 'REFUSED'],
      [['version.bind', 'CH', 'TXT'], 'NOERROR'],
      [['ns1.freenet6.net', 'A', '+noedns'], 'NOERROR'],
      [['ns1.freenet6.net', 'A', '+edns=1', '+noednsneg'], 'BADVERS'],
    ] as const) {
      const said = await say('dig', signatureOf('hmac-sha256'), words)
      assert.match(said, new RegExp(`status: ${status}`))
      assert.match(said, /TSIG PSEUDOSECTION/)
      assert.doesNotMatch(said, DIG_DOUBTS)
    }
  })

  test('gets TC over UDP where answer and signature do not fit, and all of it over TCP', async () => {
    const cut = await say('dig', signatureOf('hmac-sha512'), ['big.freenet6.net', 'TXT', '+ignore'])
    assert.match(cut, /flags: qr aa tc; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 2/)
    assert.doesNotMatch(cut, DIG_DOUBTS)
    const whole = await say('dig', signatureOf('hmac-sha512'), ['big.freenet6.net', 'TXT'])
    assert.match(whole, /ANSWER: 40/)
    assert.doesNotMatch(whole, DIG_DOUBTS)
  })
})

suite('kdig, which checks them too', { skip: (await missingPackages(['kdig'])) ?? false }, () => {
  for (const transport of TRANSPORTS) {
    for (const algorithm of ALGORITHMS) {
      test(`is answered and convinced with ${algorithm} over ${transport.toUpperCase()}`, async () => {
        const how = transport === 'tcp' ? '+tcp' : '+notcp'
        const said = await say('kdig', signatureOf(algorithm), ['ns1.freenet6.net', 'A', how, '+retry=0'])
        assert.match(said, /status: NOERROR/)
        assert.match(said, /192\.0\.2\.53/)
        assert.match(said, /TSIG PSEUDOSECTION/)
        assert.doesNotMatch(said, KDIG_DOUBTS)
      })
    }
  }

  test('does not believe a reply to another secret', async () => {
    const signature = signatureOf('hmac-sha256', OTHER_SECRET)
    const said = await say('kdig', signature, ['ns1.freenet6.net', 'A', '+retry=0'])
    assert.match(said, /BADSIG 0/)
    assert.match(said, KDIG_DOUBTS)
  })
})

test('a key with a name, an algorithm or a secret that is none is a mistake of check-config', async () => {
  const file = join(dir, 'wrong.toml')
  writeFileSync(file, '[[dns.keys]]\nname = "a..b"\nalgorithm = "hmac-md5"\nsecret = "not base64"\n')
  const { code, stderr } = await runCli(['check-config', '--config', file], { dir })
  assert.equal(code, 2)
  for (const line of [
    /^dns\.keys\[0\]\.name = "a\.\.b": expected a domain name/m,
    /^dns\.keys\[0\]\.algorithm = "hmac-md5": one of "hmac-sha1"/m,
    /^dns\.keys\[0\]\.secret = \(not shown\): expected base64/m,
  ])
    assert.match(stderr, line)
})

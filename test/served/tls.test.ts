import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { decode, encode } from 'dns-packet'
import { stringify } from 'smol-toml'
import { freePort } from '../../bench/running-server.ts'
import { framed } from '../ask.ts'
import { makeCertificate } from '../certificate.ts'
import { missingPackages } from '../packages.ts'
import { ask, runCli, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'

const SECRET = Buffer.from('the secret of a secondary').toString('base64')
const QUERY = framed(encode({ type: 'query', id: 7, questions: [{ type: 'SOA', name: 'freenet6.net' }] }))

let dir: string
let port: number
let server: Server
let files: { readonly certificate: string; readonly key: string }

function handshake(options: { maxVersion?: 'TLSv1.2'; protocols?: readonly string[] } = {}): TLSSocket {
  const { maxVersion, protocols = ['dot'] } = options
  return connect({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: [...protocols],
    ...(maxVersion && { maxVersion }),
  })
}

suite('DNS over TLS', { skip: (await missingPackages(['openssl', 'kdig'])) ?? false }, () => {
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'freenet6-tls-'))
    port = await freePort()
    files = makeCertificate(dir)
    server = await startServer({
      dir,
      config: `[dns]
allow_transfer = ["key:xfr.example"]
[[dns.keys]]
name = "xfr.example"
algorithm = "hmac-sha256"
secret = "${SECRET}"
[dns.tls]
listen = ["127.0.0.1:${port}"]
${stringify(files)}`,
    })
  })

  after(async () => {
    await server?.[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true, force: true })
  })

  test('answers any query (RFC 7858), as the protocol dot', async () => {
    const socket = handshake()
    await once(socket, 'secureConnect')
    assert.equal(socket.alpnProtocol, 'dot')
    socket.write(QUERY)
    const [reply] = await once(socket, 'data')
    const { answers = [] } = decode(Buffer.from(reply).subarray(2))
    assert.equal(answers[0]?.type, 'SOA')
    socket.destroy()
  })

  test('gives a whole zone to who holds the key (RFC 9103), and refuses it to others', async () => {
    const ask = (words: readonly string[]) =>
      promisify(execFile)('kdig', [
        '+tls',
        '@127.0.0.1',
        '-p',
        String(port),
        ...words,
        'freenet6.net',
        'AXFR',
      ])
    const { stdout } = await ask(['-y', `hmac-sha256:xfr.example:${SECRET}`])
    assert.equal(stdout.match(/ SOA\t/g)?.length ?? stdout.match(/\sSOA\s/g)?.length, 2)
    const refused = await ask([]).catch((error: unknown) => error as { stdout: string; stderr: string })
    assert.match(refused.stdout + refused.stderr, /REFUSED/)
  })

  test('takes no older TLS, no other protocol and no plain text', async () => {
    for (const options of [{ maxVersion: 'TLSv1.2' } as const, { protocols: ['h2'] }]) {
      const socket = handshake(options)
      const [error] = await once(socket, 'error')
      assert.match(String(error), /alert/)
    }
    const plain = connectPlain(port, '127.0.0.1')
    plain.on('error', () => undefined).write(QUERY)
    let octets = Buffer.alloc(0)
    plain.on('data', chunk => {
      octets = Buffer.concat([octets, chunk])
    })
    await once(plain, 'close')
    assert.ok(!octets.includes('freenet6'))
  })

  test('has another certificate after a reload, and keeps the one it has if that is none', async () => {
    const fingerprint = async () => {
      const socket = handshake()
      await once(socket, 'secureConnect')
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      return fingerprint256
    }
    const reload = () => runCli(['reload', '--config', join(dir, 'freenet6.toml')])
    const old = await fingerprint()
    const { certificate, key } = makeCertificate(dir, { name: 'next' })
    cpSync(certificate, files.certificate)
    assert.equal((await reload()).code, 1, 'the key is not that of the certificate')
    assert.equal(await fingerprint(), old)
    cpSync(key, files.key)
    assert.equal((await reload()).code, 0)
    assert.notEqual(await fingerprint(), old)
    const metrics = await (await fetch(`${server.web}/metrics`)).text()
    const status = await runCli(['status', '--config', join(dir, 'freenet6.toml')])
    assert.match(status.stdout, /^certificate +127\.0\.0\.1:\d+ ends at 20\d\d-\d\d-\d\d \d\d:\d\d UTC$/m)
    const [, expiry] =
      /^freenet6_tls_certificate_expiry_timestamp_seconds\{address="[^"]+"\} (\S+)$/m.exec(metrics) ?? []
    assert.equal(Number(expiry), new X509Certificate(readFileSync(certificate)).validToDate.getTime() / 1000)
  })

  test('a certificate that can not be used at the start takes away TLS alone, and is taken once it can', async () => {
    const own = makeCertificate(dir, { name: 'own' })
    const certificate = join(dir, 'awaited.pem')
    writeFileSync(certificate, '') // half written: a renewal, or a disk that was full
    const awaited = await freePort()
    const listen = [awaited, await freePort()].map(one => `127.0.0.1:${one}`)
    const config = `[dns.tls]\n${stringify({ listen, certificate, key: own.key })}`
    await using lacking = await startServer({ config })
    assert.equal((await ask(lacking.endpoint(), 'freenet6.net', 'SOA')).rcode, 'NOERROR')
    const shut = connect({ port: awaited, host: '127.0.0.1', rejectUnauthorized: false })
    const [error] = await once(shut, 'error')
    assert.match(String(error), /alert/, 'a refusal, not silence')
    const health = () => fetch(`${lacking.web}/healthz`)
    assert.match(await (await health()).text(), /awaited\.pem/)
    assert.match(lacking.stderr, /awaited\.pem/)
    cpSync(files.certificate, certificate)
    await until(async () => /key values mismatch/.test(await (await health()).text()))
    cpSync(own.certificate, `${certificate}.new`)
    renameSync(`${certificate}.new`, certificate)
    await until(async () => (await health()).status === 200)
    const linesOf = (line: RegExp) => lacking.stderr.match(line)?.length
    await until(() => linesOf(/the certificate can be used now/g) === listen.length)
    assert.equal(linesOf(/awaited\.pem\\": ends at .*: renew it, then reload/g), 1, 'one file, one warning')
    const socket = connect({ port: awaited, host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    socket.destroy()
  })

  test('lets the process end in time although a handshake is not done', async () => {
    const idle = connectPlain(port, '127.0.0.1')
    await once(idle, 'connect')
    assert.equal(await server.stop(), 0)
  })
})

test('the log says which port was picked for TLS; the ready line is of the others alone', async t => {
  const missing = await missingPackages(['openssl'])
  if (missing !== undefined) return t.skip(missing)
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-tls-port-'))
  try {
    const config = `[dns.tls]\nlisten = ["127.0.0.1:0"]\n${stringify(makeCertificate(directory))}`
    await using picked = await startServer({ config })
    const found = /"tls":\["127\.0\.0\.1:(\d+)"\]/.exec(picked.stderr)?.[1]
    const socket = connect({ port: Number(found), host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    socket.destroy()
    assert.match(picked.stdout, /^ready dns=\S+ web=\S+\n$/m)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

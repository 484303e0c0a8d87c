import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as requestPlain } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../bench/running-server.ts'
import { requirePackages } from '../packages.ts'
import { type Server, startServer } from '../spawn.ts'

const WEB = join(import.meta.dirname, '..', '..', 'deploy', 'web')
const HOST = 'broker.example.net'
const IPV4_HOST = 'ipv4.broker.example.net'
const PATIENCE_TRIES = 3000

let server: Server
let dir: string
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-proxy-'))
  server = await startServer({
    config: `[web]\npublic_url = "https://${HOST}"\nipv4_url = "https://${IPV4_HOST}"\ntrusted_proxies = ["127.0.0.1"]\n`,
  })
})
after(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

interface Page {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** Asks as a visitor of the public name, whose certificate is the test's own. */
function visit(port: number, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
  return visitBy(request, { port, path, headers })
}

/** The same without TLS. */
function visitPlain(port: number, path: string): Promise<Page> {
  return visitBy(requestPlain, { port, path, headers: {} })
}

function visitBy(
  ask: typeof request,
  {
    port,
    path,
    headers,
  }: {
    readonly port: number
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
  },
): Promise<Page> {
  const { promise, resolve, reject } = Promise.withResolvers<Page>()
  const asked = ask(
    {
      host: '127.0.0.1',
      port,
      path,
      servername: HOST,
      rejectUnauthorized: false,
      headers: { host: HOST, ...headers },
    },
    reply => {
      let body = ''
      reply.setEncoding('utf8').on('data', text => {
        body += text
      })
      reply.once('end', () => resolve({ status: reply.statusCode ?? 0, body, headers: reply.headers }))
    },
  )
  asked.on('error', reject).end()
  return promise
}

async function untilUp(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; ; tries++) {
    assert.equal(child.exitCode, null, 'the proxy has ended')
    try {
      await visit(port, '/ip')
      return
    } catch (error) {
      if (tries > PATIENCE_TRIES) throw error
      await sleep(20)
    }
  }
}

/** What every proxy in front of us has to do. */
async function examine({ port, plain }: { readonly port: number; readonly plain: number }): Promise<void> {
  const page = await visit(port, '/')
  assert.equal(page.status, 200)
  assert.match(String(page.headers['strict-transport-security']), /max-age/)
  const forged = await visit(port, '/ip', { 'x-forwarded-for': '203.0.113.9' })
  assert.deepEqual([forged.status, forged.body.trim()], [200, '127.0.0.1'], 'the visitor says no address')
  assert.equal((await visit(port, '/metrics')).status, 404)
  const address = await visitPlain(plain, '/ip')
  assert.deepEqual([address.status, address.body.trim()], [200, '127.0.0.1'], 'old routers have no TLS')
  assert.match((await visitPlain(plain, '/nic/update?hostname=alice.ca')).body, /^badauth/)
  const seen = await visit(port, '/ip', { host: IPV4_HOST })
  assert.deepEqual([seen.status, seen.body.trim()], [200, '127.0.0.1'])
  const sent = await visit(port, '/register/linux', { host: IPV4_HOST })
  assert.deepEqual([sent.status, sent.headers.location], [307, `https://${HOST}/register/linux`])
  const moved = await visitPlain(plain, '/register/linux?lang=fr')
  assert.deepEqual([moved.status, moved.headers.location], [308, `https://${HOST}/register/linux?lang=fr`])
}

/** Who gives a certificate asks for it without TLS, and before there is one. */
async function examineChallenge(plain: number): Promise<void> {
  const folder = join(dir, '.well-known', 'acme-challenge')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'token'), 'proof')
  const { status, body } = await visitPlain(plain, '/.well-known/acme-challenge/token')
  assert.deepEqual([status, body], [200, 'proof'])
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

test('nginx takes its sample, and visitors come through it as themselves', async t => {
  if (!(await requirePackages(t, ['nginx', 'openssl']))) return
  const { file, port, plain } = await nginxConfiguration()
  const check = spawnSync('nginx', ['-t', '-e', 'stderr', '-c', file], { encoding: 'utf8' })
  assert.equal(check.status, 0, check.stderr)
  assert.doesNotMatch(check.stderr, /warn/)
  const child = spawn('nginx', ['-e', 'stderr', '-c', file], { stdio: 'ignore' })
  try {
    await untilUp(port, child)
    await examine({ port, plain })
    await examineChallenge(plain)
  } finally {
    await stop(child)
  }
})

/** A sample with the name for IPv4 alone beside the public one, as it says at the place. */
function withIpv4Name(sample: string): string {
  const changed = sample
    .replaceAll(/^ {2}server_name (.*);$/gm, `  server_name $1 ${IPV4_HOST};`)
    .replaceAll(/^(http:\/\/)?broker\.example\.net \{$/gm, `$1${HOST}, $1${IPV4_HOST} {`)
  const [, line = ''] = /# With web\.ipv4_url its name stands beside, here and below: (.*)/.exec(sample) ?? []
  assert.ok(
    changed.split('\n').some(own => own.trim() === line),
    line,
  )
  return changed
}

/** The sample as it is, but for ports and places. */
async function nginxConfiguration(): Promise<{ file: string; port: number; plain: number }> {
  const [plain, port] = [await freePort(), await freePort()]
  const [certificate, key] = [join(dir, 'certificate.pem'), join(dir, 'key.pem')]
  const subject = ['-subj', `/CN=${HOST}`, '-days', '2', '-keyout', key, '-out', certificate]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { stdio: 'ignore' })
  const proxy = join(dir, 'proxy.conf')
  const upstream = new URL(server.web).host
  writeFileSync(
    proxy,
    readFileSync(join(WEB, 'nginx-proxy.conf'), 'utf8').replaceAll('127.0.0.1:8080', upstream),
  )
  const site = withIpv4Name(readFileSync(join(WEB, 'nginx.conf'), 'utf8'))
    .replaceAll('/etc/nginx/freenet6-proxy.conf', proxy)
    .replace(/ssl_certificate .*;/, `ssl_certificate ${certificate};`)
    .replace(/ssl_certificate_key .*;/, `ssl_certificate_key ${key};`)
    .replace('root /var/www/html;', `root ${dir};`)
    .replace(/listen \[::\].*;/g, '')
    .replace('listen 80;', `listen 127.0.0.1:${plain};`)
    .replace('listen 443 ', `listen 127.0.0.1:${port} `)
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `${name}_temp_path ${join(dir, name)};`,
  )
  const file = join(dir, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off;\nmaster_process off;\npid ${join(dir, 'nginx.pid')};\nevents {}\nhttp {\naccess_log off;\n${places.join('\n')}\n${site}}\n`,
  )
  return { file, port, plain }
}

test('Caddy takes its sample, and visitors come through it as themselves', async t => {
  if (!(await requirePackages(t, ['caddy']))) return
  const [plain, port] = [await freePort(), await freePort()]
  const file = join(dir, 'Caddyfile')
  const sample = withIpv4Name(readFileSync(join(WEB, 'Caddyfile'), 'utf8'))
  const own = `{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\thttp_port ${plain}\n\thttps_port ${port}\n\tstorage file_system ${dir}\n}\n`
  writeFileSync(file, own + sample.replaceAll('127.0.0.1:8080', new URL(server.web).host))
  const env = { ...process.env, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir }
  const check = spawnSync(
    'caddy',
    ['validate', '--adapter', 'caddyfile', '--config', join(WEB, 'Caddyfile')],
    {
      encoding: 'utf8',
      env,
    },
  )
  assert.equal(check.status, 0, check.stderr)
  const child = spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', file], { stdio: 'ignore', env })
  try {
    await untilUp(port, child)
    await examine({ port, plain })
  } finally {
    await stop(child)
  }
})

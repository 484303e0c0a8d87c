import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli, type Server, startServer } from '../spawn.ts'

async function refusals(server: Server): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`${server.web}/metrics`)).text()
  const rows = text.matchAll(/^freenet6_refusals_total\{code="([a-z0-9-]+)"\} (\d+)$/gm)
  return Object.fromEntries(
    [...rows].map(([, code, count]) => [code, Number(count)] as const).filter(([, count]) => count > 0),
  )
}

function logged(server: Server): readonly Readonly<Record<string, unknown>>[] {
  return server.stderr
    .split('\n')
    .filter(line => line.includes('"refused"'))
    .map(line => JSON.parse(line))
}

const WRONG = { ipv4: '300.0.0.1', nicname: 'nic', country: 'xx', os: 'linux' }

test('a refusal by API and one by form are counted by code, and each is one line of the log', async () => {
  await using server = await startServer()
  const api = await fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(WRONG),
  })
  assert.equal(api.status, 400)
  const form = await fetch(`${server.web}/register`, {
    method: 'POST',
    headers: { accept: 'text/html', origin: server.web },
    body: new URLSearchParams(WRONG),
  })
  assert.match(await form.text(), /<form/)
  assert.deepEqual(await refusals(server), { 'ipv4-syntax': 2, 'country-unknown': 2 })
  assert.deepEqual(
    logged(server).map(({ codes, address, path }) => [codes, address, path]),
    [
      ['ipv4-syntax country-unknown', '127.0.0.1', '/api/v1/tunnels'],
      ['ipv4-syntax country-unknown', '127.0.0.1', '/register'],
    ],
  )
})

test('a refusal of a form of a tunnel’s own page is counted and logged like one by API, a wrong key among them', async () => {
  await using server = await startServer({
    config: '[tunnel]\nreachability = "off"\nforeign_endpoints = true\n[webhook]\nhosts = ["ntfy.example"]\n',
  })
  const made = await fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ipv4: '8.8.4.4', nicname: 'nic', country: 'ca', os: 'linux' }),
  })
  const { id, key } = (await made.json()) as { readonly id: string; readonly key: string }
  const post = (path: string, fields: Readonly<Record<string, string>>, cookie = '') =>
    fetch(`${server.web}${path}`, {
      method: 'POST',
      headers: { accept: 'text/html', origin: server.web, cookie },
      body: new URLSearchParams(fields),
      redirect: 'manual',
    })
  const wrong = await post('/tunnels', { reference: id, key: 'wrong' })
  const right = await post('/tunnels', { reference: id, key })
  const cookie = right.headers.getSetCookie().join().split(';')[0]
  const moved = await post(`/tunnels/${id}/endpoint`, { ipv4: '300.0.0.1' }, cookie)
  const contact = await post(`/tunnels/${id}/email`, { webhook: 'no address' }, cookie)
  const unknown = await post(`/tunnels/${id}/endpoint`, { ipv4: '8.8.4.4' })
  assert.deepEqual(
    [made, wrong, right, moved, contact, unknown].map(({ status }) => status),
    [201, 401, 303, 400, 400, 401],
  )
  assert.deepEqual(await refusals(server), { unauthorized: 2, 'ipv4-syntax': 1, 'webhook-syntax': 1 })
  assert.deepEqual(
    logged(server).map(({ codes, path }) => [codes, path]),
    [
      ['unauthorized', '/tunnels'],
      ['ipv4-syntax', `/tunnels/${id}/endpoint`],
      ['webhook-syntax', `/tunnels/${id}/email`],
      ['unauthorized', `/tunnels/${id}/endpoint`],
    ],
  )
})

test('the operator sees the last refusals, of one visitor or for one reason', async () => {
  await using server = await startServer()
  await fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(WRONG),
  })
  await fetch(`${server.web}/nothing`)
  const log = (...words: string[]) => runCli(['log', ...words, '--config', join(server.dir, 'freenet6.toml')])
  const { stdout } = await log()
  assert.match(stdout, /^\d{4}-\S+Z +127\.0\.0\.1 +\/api\/v1\/tunnels +ipv4-syntax country-unknown$/m)
  assert.match(stdout, / \/nothing +not-found$/m)
  assert.doesNotMatch((await log('--code', 'ipv4-syntax')).stdout, /not-found/)
  assert.equal((await log('--address', '192.0.2.1')).stdout, '')
})

test('who looks for pages that no one has is counted and fills no log', async () => {
  await using server = await startServer()
  assert.equal((await fetch(`${server.web}/wp-login.php`)).status, 404)
  assert.deepEqual(await refusals(server), { 'not-found': 1 })
  assert.deepEqual(logged(server), [])
})

test('a zone that can not be served is counted as failed, and the capacity is what the prefix has room for', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-failed-'))
  try {
    mkdirSync(join(dir, 'zones'))
    writeFileSync(join(dir, 'zones', 'example.org.zone'), '@ A 192.0.2.300\n')
    await using server = await startServer({ dir, config: '[tunnel]\nprefix = "2001:db8:f6::/56"\n' })
    const text = await (await fetch(`${server.web}/metrics`)).text()
    assert.match(text, /^freenet6_failed_zones 1$/m)
    assert.match(text, /^freenet6_tunnel_capacity 256$/m)
    assert.match(await (await fetch(`${server.web}/healthz`)).text(), /example\.org\.zone/)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

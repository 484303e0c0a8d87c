import assert from 'node:assert/strict'
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { requirePackages } from '../packages.ts'
import { ask, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'

const LAB = `
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
`
const NAME = 'alice.ca.freenet6.net'

function register(server: Server, ipv4: string, nicname: string): Promise<Response> {
  return fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ipv4, nicname, country: 'ca', os: 'linux' }),
  })
}

async function rcodeOf(server: Server, name: string): Promise<string> {
  const [listener] = server.dns
  assert.ok(listener)
  return (await ask(listener, name, 'AAAA')).rcode
}

/** Puts a tunnel among the dormant ones, as a life cycle that heard nothing of it would have. */
function putToSleep(dir: string, id: string): void {
  const database = new DatabaseSync(join(dir, 'data', 'freenet6.db'))
  const kept =
    'id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable, key_hash, kind'
  database
    .prepare(
      `INSERT INTO dormant (${kept}, since, until)
       SELECT ${kept}, creation_time, creation_time + 86400 FROM tunnels WHERE id = ?`,
    )
    .run(id)
  database.prepare('DELETE FROM tunnels WHERE id = ?').run(id)
  database.close()
}

/** Node writes its Date header anew each second. */
async function clockHasJumped(server: Server, years: number): Promise<void> {
  await until(async () => {
    const date = new Date((await fetch(`${server.web}/`)).headers.get('date') ?? '')
    return Math.abs(date.getFullYear() - new Date().getFullYear() - years) <= 1
  }, 'the clock of the server does not jump')
}

test('a name is answered when its registration is; dormant it is not; a visit with the key brings it back at once', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-stages-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  let given: { readonly id: string; readonly key: string; readonly ipv6_client: string }
  {
    await using server = await startServer({ dir, config: LAB })
    const response = await register(server, '192.0.2.77', 'alice')
    assert.equal(response.status, 201)
    assert.equal(await rcodeOf(server, NAME), 'NOERROR')
    given = (await response.json()) as typeof given
  }
  putToSleep(dir, given.id)
  await using server = await startServer({ dir, config: LAB })
  assert.equal(await rcodeOf(server, NAME), 'NXDOMAIN')
  assert.equal((await register(server, '192.0.2.78', 'alice')).status, 409)
  const authorization = `Bearer ${given.key}`
  const visit = await fetch(`${server.web}/api/v1/tunnels/${given.id}`, { headers: { authorization } })
  const shown = (await visit.json()) as Record<string, unknown>
  assert.deepEqual([shown.state, shown.ipv6_client], ['active', given.ipv6_client])
  assert.equal(await rcodeOf(server, NAME), 'NOERROR')
})

test('a clock that jumps twenty years ahead and back ends no session, loosens no limit and unsettles no name', async t => {
  if (!(await requirePackages(t, ['faketime']))) return
  const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')
  assert.ok(library)
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-clock-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const offset = join(dir, 'offset')
  writeFileSync(offset, '+0\n')
  await using server = await startServer({
    dir,
    config: `${LAB}[web]\nregistrations_per_hour = 1\n`,
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: offset,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
  })
  const response = await register(server, '192.0.2.77', 'alice')
  const { id, key } = (await response.json()) as { readonly id: string; readonly key: string }
  const signedIn = await fetch(`${server.web}/tunnels`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: server.web, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ reference: id, key }).toString(),
  })
  const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? assert.fail('no session')
  for (const years of [20, -20]) {
    writeFileSync(offset, `${years > 0 ? '+' : ''}${years}y\n`)
    await clockHasJumped(server, years)
    const page = await fetch(`${server.web}/tunnels/${id}`, { headers: { cookie } })
    assert.match(await page.text(), /class="state active"/, `the session is open at ${years}`)
    assert.equal((await register(server, '192.0.2.78', 'bob')).status, 429, `the limit holds at ${years}`)
    assert.equal(await rcodeOf(server, NAME), 'NOERROR')
  }
})

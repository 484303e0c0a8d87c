/** What owners and the operator hear of tunnels' names that a zone file takes. */
import assert from 'node:assert/strict'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, runCli, startServer } from '../spawn.ts'
import { until } from '../until.ts'
import { LAB, register } from './visitors.ts'

test('a tunnel’s name that a zone file takes is told to its owner, with who to ask, and counted for the operator', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-hidden-'))
  cpSync(join(import.meta.dirname, '..', '..', 'zones'), join(dir, 'zones'), { recursive: true })
  const zone = join(dir, 'zones', 'freenet6.net.zone')
  const before = readFileSync(zone, 'utf8')
  const command = (name: string) => runCli([name, '--config', join(dir, 'freenet6.toml')])
  try {
    await using server = await startServer({ dir, config: LAB })
    const { id, key } = (await (await register(server, 1)).json()) as { id: string; key: string }
    await register(server, 2)
    const shown = await fetch(`${server.web}/tunnels`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ reference: id, key }),
    })
    const headers = {
      cookie: shown.headers
        .getSetCookie()
        .map(cookie => cookie.split(';')[0])
        .join('; '),
    }
    const page = async () => (await fetch(`${server.web}/tunnels/${id}`, { headers })).text()
    const warnings = async () => {
      const answer = await fetch(`${server.web}/api/v1/tunnels/${id}`, {
        headers: { authorization: `Bearer ${key}` },
      })
      return ((await answer.json()) as { warnings?: { code: string; detail: string }[] }).warnings
    }
    assert.equal(await warnings(), undefined)

    appendFileSync(zone, '\nhost1.ca IN A 192.0.2.1\n')
    assert.equal((await command('reload')).code, 0)
    assert.equal((await ask(server.endpoint(), 'host1.ca.freenet6.net', 'AAAA')).reply.answers?.length, 0)
    const [told] = (await warnings()) ?? []
    assert.equal(told?.code, 'name-hidden')
    assert.match(
      told?.detail ?? '',
      /^host1\.ca\.freenet6\.net .* Ask hostmaster@freenet6\.net for the name\.$/,
    )
    assert.match(await page(), /host1\.ca\.freenet6\.net does not lead to this tunnel/)
    await command('audit')
    assert.match((await command('status')).stdout, /^names +1 of tunnels /m)

    writeFileSync(zone, before)
    assert.equal((await command('reload')).code, 0)
    await until(async () => (await warnings()) === undefined)
    await command('audit')
    assert.doesNotMatch((await command('status')).stdout, /^names /m)
    assert.doesNotMatch(await page(), /does not lead/)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

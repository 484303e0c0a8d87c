import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { ask, runCli, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'

const LAB = '[dns]\ncatalog_zone = "list.example"\n'
const ZONES = join(import.meta.dirname, '..', '..', 'zones')

let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-missed-zones-'))
  cpSync(ZONES, join(dir, 'zones'), { recursive: true })
  const text = '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.3\n'
  writeFileSync(join(dir, 'zones', 'example.org.zone'), text)
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

function start(): Promise<Server> {
  return startServer({ dir, config: LAB })
}

function unmount(): void {
  renameSync(join(dir, 'zones'), join(dir, 'mounted'))
  mkdirSync(join(dir, 'zones'))
}

function mount(): void {
  rmSync(join(dir, 'zones'), { recursive: true })
  renameSync(join(dir, 'mounted'), join(dir, 'zones'))
}

test('a restart is refused where the successor would miss them', async () => {
  await using server = await start()
  unmount()
  const { code, stderr } = await runCli(['restart', '--config', join(dir, 'freenet6.toml')])
  assert.equal(code, 1)
  assert.match(
    stderr,
    /has no zone file any more, and gave example\.org\., freenet6\.net\.: is its disk mounted\?/,
  )
  assert.equal(await rcodeOf(server), 'NOERROR')
})

async function rcodeOf(server: Server): Promise<string> {
  return (await ask(server.endpoint(), 'ns1.example.org', 'A')).rcode
}

test('zones whose folder is empty at a start are missed, not gone, until it has its files again', async () => {
  await using server = await start()
  assert.equal(await rcodeOf(server), 'NOERROR')
  await server.stop()

  unmount()
  await using without = await start()
  assert.equal(await rcodeOf(without), 'SERVFAIL')
  const health = await fetch(`${without.web}/healthz`)
  assert.equal(health.status, 503)
  const { reasons } = (await health.json()) as { reasons: string[] }
  const missed = reasons.filter(reason => /has no zone file any more.*is its disk mounted\?/.test(reason))
  assert.deepEqual(missed.map(reason => /one gave (\S+) before/.exec(reason)?.[1]).sort(), [
    'example.org.',
    'freenet6.net.',
  ])
  const reloaded = await runCli(['reload', '--config', join(dir, 'freenet6.toml')])
  assert.equal(reloaded.code, 1)

  mount()
  const again = await runCli(['reload', '--config', join(dir, 'freenet6.toml')])
  assert.equal(again.code, 0, again.stdout)
  assert.equal(await rcodeOf(without), 'NOERROR')
  await until(async () => (await fetch(`${without.web}/healthz`)).status === 200)
})

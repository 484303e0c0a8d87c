import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { requirePackages } from '../packages.ts'
import { type Server, startServer } from '../spawn.ts'

const DIRECTORY = join(import.meta.dirname, '..', '..', 'deploy', 'monitoring')
const RULES = readFileSync(join(DIRECTORY, 'alerts.yml'), 'utf8')
/** What a name of a histogram's own series ends in. */
const OF_A_HISTOGRAM = /_(?:bucket|sum|count)$/
const METRIC = /\b(?:freenet6|process|nodejs)_[a-z0-9_]+/g

const dashboard = z
  .object({
    panels: z.array(
      z.object({
        title: z.string(),
        gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
        targets: z.array(z.object({ expr: z.string() })),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(join(DIRECTORY, 'dashboard.json'), 'utf8')))

let server: Server
before(async () => {
  server = await startServer()
})
after(() => server[Symbol.asyncDispose]())

function promtool(...args: string[]) {
  return spawnSync('promtool', args, { cwd: DIRECTORY, encoding: 'utf8' })
}

/** What is asked for and not there. */
async function missing(expressions: string): Promise<readonly string[]> {
  const text = await (await fetch(`${server.web}/metrics`)).text()
  const served = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name))
  const isServed = (name: string) => served.has(name) || served.has(name.replace(OF_A_HISTOGRAM, ''))
  return [...new Set(expressions.match(METRIC))].filter(name => !isServed(name))
}

test('promtool takes the alert rules and the configuration of Prometheus', async t => {
  if (!(await requirePackages(t, ['promtool']))) return
  const { status, stderr } = promtool('check', 'config', 'prometheus.yml')
  assert.equal(status, 0, stderr)
})

test('each alert comes in a world with its fault, and none where all is well', async t => {
  if (!(await requirePackages(t, ['promtool']))) return
  const { status, stdout, stderr } = promtool('test', 'rules', 'alerts.test.yml')
  assert.equal(status, 0, stdout + stderr)
})

test('each alert has such a world', () => {
  const alerts = [...RULES.matchAll(/- alert: (\S+)/g)].map(([, name]) => name)
  const worlds = readFileSync(join(DIRECTORY, 'alerts.test.yml'), 'utf8').matchAll(/alertname="(\w+)"/g)
  assert.ok(alerts.length > 10)
  assert.deepEqual([...worlds].map(([, name]) => name).sort(), alerts.sort())
})

test('what the alerts look at is in the world where all is well: none comes there by mistake', () => {
  const expressions = RULES.match(/expr: .*/g)?.join('\n') ?? ''
  const worlds = readFileSync(join(DIRECTORY, 'alerts.test.yml'), 'utf8')
  const sound = worlds.slice(worlds.indexOf('name: all is well'))
  assert.deepEqual(
    (expressions.match(METRIC) ?? []).filter(name => !sound.includes(name)),
    [],
  )
})

test('what the alerts look at is there', async () => {
  const expressions = RULES.match(/expr: .*/g)?.join('\n') ?? ''
  assert.deepEqual(await missing(expressions), [])
})

test('what the dashboard shows is there, and no panel lies on another', async () => {
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  assert.ok(expressions.length > 20)
  assert.deepEqual(await missing(expressions.join('\n')), [])
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
  )
  assert.equal(new Set(cells).size, cells.length)
})

test('what the dashboard shows is written as Prometheus understands it', async t => {
  if (!(await requirePackages(t, ['promtool']))) return
  const rules = dashboard.panels.flatMap(({ targets }) =>
    targets.map(({ expr }, n) => ({
      record: `panel_${n}`,
      expr: expr.replaceAll('$__rate_interval', '2m').replaceAll('$instance', 'one'),
      labels: { panel: expr },
    })),
  )
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-panels-'))
  try {
    const file = join(directory, 'panels.yml') // JSON is YAML
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules }] }))
    const { status, stderr } = promtool('check', 'rules', file)
    assert.equal(status, 0, stderr)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

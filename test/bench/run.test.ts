import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { requirePackages } from '../packages.ts'

const RUN = join(import.meta.dirname, '..', '..', 'bench', 'run.ts')

async function run(...args: string[]) {
  const child = spawn(process.execPath, [RUN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  await closed
  return { status: child.exitCode, stdout, stderr }
}

/** The figures of the row that begins with a word, dashes and blanks left out. */
function rowOf(report: string, first: string): number[] {
  const row =
    report.split('\n').find(line => line.startsWith(`| ${first} |`)) ?? assert.fail(`no row ${first}`)
  return row
    .split('|')
    .slice(2)
    .map(cell => cell.trim().replaceAll(',', ''))
    .filter(cell => /^[0-9.]+$/.test(cell))
    .map(Number)
}

/** What a usual test run has the time for; FREENET6_LAB=all measures the others too. */
const USUAL = ['start', 'memory', 'udp', 'tcp', 'commit', 'zone']
const OTHERS = ['churn', 'secondaries', 'register', 'web', 'growth', 'probe']
const isWhole = process.env.FREENET6_LAB === 'all'

test('a quick run measures us and a peer, and every answer is right', async t => {
  if (!(await requirePackages(t, ['dnsperf', 'nsd', 'fping']))) return
  const only = [...USUAL, ...(isWhole ? OTHERS : [])].join()
  const { status, stdout, stderr } = await run(
    '--quick',
    '--tunnels',
    '500',
    '--peers',
    'nsd',
    '--only',
    only,
  )
  assert.equal(status, 0, stderr)
  const [udp = '', tcp = ''] = stdout.split(/^## /m).slice(1)
  for (const server of ['freenet6', 'NSD']) {
    for (const section of [udp, tcp]) {
      const figures = rowOf(section, server)
      assert.ok(figures.every(value => Number.isFinite(value)) && figures.length >= 4, section)
    }
  }
  for (const section of [udp, tcp])
    assert.equal(rowOf(section, 'freenet6').at(-1), 0, `lost or wrong:\n${section}`)
  assert.deepEqual(rowOf(stdout, 'old answers after the commit'), [0])
  for (const row of ['freenet6 check-zone, s', 'nsd-checkzone, s', 'freenet6: start to first answer, s'])
    assert.ok((rowOf(stdout, row)[0] ?? 0) > 0, row)
  if (isWhole) checkOthers(stdout)
})

function checkOthers(report: string): void {
  assert.deepEqual(rowOf(report, 'of those wrong or missing'), [0])
  assert.deepEqual(rowOf(report, 'refused'), [0])
  assert.deepEqual(rowOf(report, 'answered'), [1000])
  const [without = [], beside = []] = ['without', 'with'].map(row => rowOf(report, row))
  for (const figures of [without, beside]) assert.equal(figures.length, 5, report)
  assert.ok((beside[3] ?? 0) < (without[3] ?? 0) + 40, 'secondaries that hardly read take memory')
}

test('a mistake on the command line is said with the options there are', async () => {
  const { status, stderr } = await run('--only', 'everything')
  assert.equal(status, 2)
  assert.match(stderr, /^--only knows start,.*not everything\nusage: npm run bench/)
})

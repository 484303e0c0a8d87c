import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { stringify } from 'smol-toml'
import { freePort } from '../../bench/running-server.ts'
import { cached } from '../../src/health/cached.ts'
import { makeCertificate } from '../certificate.ts'
import { missingPackages, requirePackages } from '../packages.ts'
import { ask, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'

const LIST = join(import.meta.dirname, '..', '..', 'docs', 'metrics.md')

const certificates = mkdtempSync(join(tmpdir(), 'freenet6-metrics-'))

let server: Server
before(async () => {
  const secondary = '[[dns.secondaries]]\naddress = "127.0.0.1:9"\n'
  await missingPackages(['openssl'])
  const files = makeCertificate(certificates)
  const tls = `[dns.tls]\nlisten = ["127.0.0.1:${await freePort()}"]\n${stringify(files)}`
  server = await startServer({ config: secondary + tls })
})
after(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(certificates, { recursive: true })
})

async function scrape(): Promise<string> {
  return (await fetch(`${server.web}/metrics`)).text()
}

test('promtool has nothing to say against the metrics', async t => {
  if (!(await requirePackages(t, ['promtool']))) return
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: await scrape(),
    encoding: 'utf8',
  })
  assert.deepEqual([status, stdout, stderr], [0, '', ''])
})

test('docs/metrics.md lists every metric of ours with its type, labels and help, and no other', async () => {
  const text = await scrape()
  const served = [...text.matchAll(/^# HELP (freenet6_\S+) (.*)\n# TYPE \S+ (\S+)\n(?:\S+?\{(\w+)=)?/gm)].map(
    ([, name, help, type, label = '']) => `| \`${name}\` | ${type} | ${label && `\`${label}\``} | ${help} |`,
  )
  const listed = readFileSync(LIST, 'utf8').match(/^\| `freenet6_.*$/gm) ?? []
  assert.deepEqual([...listed].sort(), served.sort())
})

test('counts are those of now at every scrape, not added up', async () => {
  const serial = /^freenet6_zone_serial\{zone="freenet6\.net"\} \d+$/m
  const build = /^freenet6_build_info\{version="[0-9.]+"\} 1$/m
  for (let n = 0; n < 3; n++) {
    const text = await scrape()
    assert.match(text, /^freenet6_dns_tcp_connections_total 0$/m)
    assert.match(text, serial)
    assert.match(text, build)
  }
})

test('answers are counted by type and by how long they took, over UDP and TCP', async () => {
  const [dns] = [server.endpoint()]
  for (let n = 0; n < 3; n++) await ask(dns, 'freenet6.net', 'SOA')
  await ask(dns, 'freenet6.net', 'NS', { tcp: true })
  await ask(dns, 'freenet6.net', 'NAPTR')
  // Quiet threads publish their counts every quarter of a second.
  const isCounted =
    /^freenet6_dns_queries_total\{transport="udp"\} 4\nfreenet6_dns_queries_total\{transport="tcp"\} 1$/m
  await until(async () => isCounted.test(await scrape()))
  const text = await scrape()
  assert.match(text, /^freenet6_dns_questions_total\{qtype="SOA"\} 3$/m)
  assert.match(text, /^freenet6_dns_questions_total\{qtype="NS"\} 1$/m)
  assert.match(text, /^freenet6_dns_questions_total\{qtype="other"\} 1$/m)
  for (const [transport, count] of [
    ['udp', 4],
    ['tcp', 1],
  ] as const) {
    const labels = `transport="${transport}"`
    const buckets = text.matchAll(
      new RegExp(`^freenet6_dns_answer_duration_seconds_bucket\\{${labels},le="(\\S+)"\\} (\\d+)$`, 'gm'),
    )
    const counts = [...buckets].map(([, bound, value]) => [
      Number(bound?.replace('+Inf', 'Infinity')),
      Number(value),
    ])
    assert.deepEqual(
      counts,
      counts.toSorted(([a = 0, m = 0], [b = 0, n = 0]) => a - b || m - n),
    )
    assert.deepEqual(counts.at(-1), [Number.POSITIVE_INFINITY, count])
    assert.match(
      text,
      new RegExp(`^freenet6_dns_answer_duration_seconds_count\\{${labels}\\} ${count}$`, 'm'),
    )
    assert.match(text, new RegExp(`^freenet6_dns_answer_duration_seconds_sum\\{${labels}\\} 0\\.\\d+`, 'm'))
  }
})

test('a log that takes nothing keeps nobody waiting, and its lines are counted', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-full-'))
  const full = openSync('/dev/full', 'w')
  await using served = await startServer({ stderr: full, dir })
  const health = await fetch(`${served.web}/healthz`)
  assert.equal(health.status, 200, await health.text())
  const text = await (await fetch(`${served.web}/metrics`)).text()
  assert.match(text, /^freenet6_log_lines_dropped_total [1-9]\d*$/m)
  assert.equal(await served.stop(), 0)
  closeSync(full)
  rmSync(dir, { recursive: true })
})

test('a value that costs a walk is read again when it is old, and not before', () => {
  let reads = 0
  const often = cached(60_000, () => ++reads)
  assert.deepEqual([often(), often()], [1, 1])
  const always = cached(0, () => ++reads)
  assert.deepEqual([always(), always()], [2, 3])
})

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../bench/running-server.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { ask } from '../ask.ts'
import { requirePackages } from '../packages.ts'
import { startServer } from '../spawn.ts'

const SAMPLE = readFileSync(
  join(import.meta.dirname, '..', '..', 'deploy', 'secondaries', 'nsd.conf'),
  'utf8',
)
const PATIENCE_TRIES = 1200
const PAUSE_MS = 50

async function untilAnswered(server: Endpoint, name: string, type: 'AAAA' | 'PTR'): Promise<unknown> {
  for (let tries = 0; ; tries++) {
    const answer = await ask(server, name, type, { timeout: 500 }).catch(() => undefined)
    const [record] = answer?.reply.answers ?? []
    if (record !== undefined && 'data' in record) return record.data
    assert.ok(tries < PATIENCE_TRIES, `${name} never came: ${answer?.rcode}`)
    await sleep(PAUSE_MS)
  }
}

test('NSD with the sample transfers both zones, signed, and answers for a tunnel', async t => {
  if (!(await requirePackages(t, ['nsd']))) return
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-second-'))
  const [, secret = ''] = /secret: "(.*)"/.exec(SAMPLE) ?? []
  await using server = await startServer({
    config: `[dns]\nlisten = ["127.0.0.1:0"]\nallow_transfer = ["key:k1."]
[[dns.keys]]\nname = "k1."\nalgorithm = "hmac-sha256"\nsecret = "${secret}"
[tunnel]\nallow_special_purpose = true\nforeign_endpoints = true\nreachability = "off"\n`,
  })
  const registered = await fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ipv4: '192.0.2.7', nicname: 'nic', country: 'ca', os: 'linux' }),
  })
  assert.equal(registered.status, 201)
  const port = await freePort()
  const file = join(dir, 'nsd.conf')
  const primary = server.endpoint(4)
  writeFileSync(
    file,
    `server:
  ip-address: 127.0.0.1@${port}
  server-count: 1
  username: ""
  database: ""
  pidfile: ""
  zonesdir: "${dir}"
  xfrdfile: "${join(dir, 'xfrd.state')}"
  zonelistfile: "${join(dir, 'zone.list')}"
  xfrdir: "${dir}"
remote-control:
  control-enable: no
${SAMPLE.replaceAll('192.0.2.1@53', `127.0.0.1@${primary.port}`)}`,
  )
  const nsd = spawn('nsd', ['-d', '-c', file], { stdio: 'ignore' })
  try {
    const check = spawnSync('nsd-checkconf', [file], { encoding: 'utf8' })
    assert.deepEqual([check.status, check.stderr], [0, ''])
    const second = { address: '127.0.0.1', port }
    assert.equal(await untilAnswered(second, 'nic.ca.freenet6.net', 'AAAA'), '2001:db8:f6::2')
    const reverse = `2.${'0.'.repeat(19)}6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa`
    assert.equal(await untilAnswered(second, reverse, 'PTR'), 'nic.ca.freenet6.net')
  } finally {
    if (nsd.exitCode === null) {
      const ended = once(nsd, 'exit')
      nsd.kill('SIGTERM')
      await ended
    }
    rmSync(dir, { recursive: true, force: true })
  }
})

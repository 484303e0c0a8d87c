import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { FpingProber } from '../../src/echo/fping-prober.ts'
import { PingProber } from '../../src/echo/ping-prober.ts'
import { missingPackages } from '../packages.ts'
import { hasIpv6Loopback } from '../spawn.ts'

const LARGE = { dataOctets: 1432, source: '::1' }
const OPTIONS = { timeoutMs: 2000, large: LARGE }

/** Stands in for a tool, and keeps the arguments that it is given. */
function recorder() {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-large-'))
  const command = join(directory, 'tool')
  writeFileSync(command, `#!/bin/sh\necho "$@" > ${directory}/arguments\nexit 1\n`)
  chmodSync(command, 0o755)
  return {
    command,
    arguments: () => readFileSync(join(directory, 'arguments'), 'utf8'),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}

test('ping and fping are told how large, and from which address of ours', async () => {
  for (const [Tool, size, source] of [
    [PingProber, '-s 1432', '-I ::1'],
    [FpingProber, '-b 1432', '-S ::1'],
  ] as const) {
    using tool = recorder()
    await new Tool({ command: tool.command }).probe(['::1'], OPTIONS)
    assert.ok(tool.arguments().includes(size), tool.arguments())
    assert.ok(tool.arguments().includes(source), tool.arguments())
  }
})

const missing = hasIpv6Loopback() ? await missingPackages(['ping', 'fping']) : 'no IPv6 here'

suite('large echoes by the real tools', { skip: missing }, () => {
  for (const prober of [new PingProber(), new FpingProber()]) {
    test(`${prober.kind}: our own system answers one of 1,480 octets`, async () => {
      assert.equal((await prober.probe(['::1'], OPTIONS)).get('::1')?.kind, 'answered')
    })
  }
})

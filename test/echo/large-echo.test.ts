import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { FpingProber } from '../../src/echo/fping-prober.ts'
import { PingProber } from '../../src/echo/ping-prober.ts'
import { missingPackages } from '../packages.ts'
import { hasIpv6Loopback } from '../spawn.ts'

const OPTIONS = { timeoutMs: 2000, dataOctets: 1432 }

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

test('ping and fping are told how large a request is to be', async () => {
  for (const [Tool, size] of [
    [PingProber, '-s 1432'],
    [FpingProber, '-b 1432'],
  ] as const) {
    using tool = recorder()
    await new Tool({ command: tool.command }).probe(['::1'], OPTIONS)
    assert.ok(tool.arguments().includes(size), tool.arguments())
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

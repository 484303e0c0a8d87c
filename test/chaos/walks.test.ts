import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { missingPackages } from '../packages.ts'

/** How long faults strike. FREENET6_CHAOS_SECONDS asks for more: an hour, a night. */
const { FREENET6_CHAOS_SECONDS: ASKED_SECONDS, FREENET6_SEED: ASKED_SEED } = process.env
const SECONDS = Number(ASKED_SECONDS ?? 180)
/**
 * Says which faults come, in which order, and what visitors do. Each run goes a new way: a known one finds nothing new.
 * FREENET6_SEED walks the same way again.
 */
const SEED = Number(ASKED_SEED ?? Math.floor(Math.random() * 2 ** 31))
/** For the start, for what hangs at the end, and for the last look, on a busy machine. */
const SLACK_SECONDS = 600
const HERE = import.meta.dirname
const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
const UNSHARE = process.getuid?.() === 0 ? NAMESPACES : ['--user', '--map-root-user', ...NAMESPACES]

const skip = (await missingPackages(['gcc', '/usr/include/stdlib.h', 'ip'])) ?? namespacesMissing()

test('what was acknowledged outlives one fault after the other, the DNS is right all the time, and nothing is left behind', {
  skip: skip ?? false,
  timeout: (SECONDS + SLACK_SECONDS) * 1000,
}, async t => {
  t.diagnostic(`FREENET6_SEED=${SEED} FREENET6_CHAOS_SECONDS=${SECONDS}`)
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-chaos-'))
  try {
    compile(dir)
    const { status, output } = await walk(dir, t.signal)
    assert.equal(status, 0, `FREENET6_SEED=${SEED} FREENET6_CHAOS_SECONDS=${SECONDS}\n${output}`)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

function compile(dir: string): void {
  const cc = (...args: string[]) => execFileSync('gcc', ['-O2', '-Wall', ...args])
  cc('-o', join(dir, 'tool'), join(HERE, 'tool.c'))
  for (const library of ['fail-io', 'skew-clock'])
    cc('-shared', '-fPIC', '-o', join(dir, `${library}.so`), join(HERE, `${library}.c`), '-ldl')
}

async function walk(dir: string, signal: AbortSignal): Promise<{ status: number | null; output: string }> {
  const node = [process.execPath, join(HERE, 'walk.ts'), dir, String(SEED), String(SECONDS)]
  const child = spawn('unshare', [...UNSHARE, '--', ...node], { stdio: ['ignore', 'pipe', 'pipe'], signal })
  child.on('error', () => undefined) // the test's own time is over
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      output += text
      if (ASKED_SECONDS !== undefined) process.stderr.write(text)
    })
  await once(child, 'close')
  return { status: child.exitCode, output }
}

/** Root is not needed, but a kernel that lets everybody have namespaces. */
function namespacesMissing(): string | undefined {
  const { status, stderr } = spawnSync('unshare', [...UNSHARE, '--', 'mount', '-t', 'tmpfs', 'none', '/mnt'])
  if (status === 0) return undefined
  const message = `no namespaces for the walk (run as root, or allow user namespaces): ${String(stderr).trim()}`
  if (process.env.CI === 'true') throw new Error(message)
  return message
}

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { FakeKernel } from '../lifecycle/world.ts'
import { missingPackages } from '../packages.ts'
import { LAB, PortalWorld } from './portal-world.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/api.md'), 'utf8')
const EXAMPLE = /```sh\n([\s\S]*?)```(?:\n```text\n([\s\S]*?)```)?/g
/** Stands before each answer in what the shell prints. */
const MARK = '=== answer ==='

const ROUTED = LAB.replace('[tunnel]', '[tunnel]\nrouted_prefix = "2001:db8:8000::/44"')
const examples = [...PAGE.matchAll(EXAMPLE)].map(([, command = '', answer]) => ({ command, answer }))

/** The answer as a pattern: `…` stands for anything. */
function patternOf(answer: string): RegExp {
  const parts = answer.trim().split('…')
  return new RegExp(`^${parts.map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[\\s\\S]*?')}$`)
}

test('the examples of docs/api.md, run in their order by a shell, get the answers that stand there', {
  skip: await missingPackages(['curl']),
}, async () => {
  await using world = await PortalWorld.open(ROUTED, { kernel: new FakeKernel() })
  world.broker.store.onCommitted(({ rows }) => {
    for (const { after } of rows) if (after !== undefined) world.silent.add(formatIpv6(after.ipv6Client))
  })
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-examples-'))
  try {
    const script = examples.map(({ command }) => `echo '${MARK}'\n${command}\necho`).join('\n')
    const env = { PATH: process.env.PATH, BROKER: world.url }
    const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: directory, env })
    const answers = stdout.split(`${MARK}\n`).slice(1)
    assert.equal(answers.length, examples.length)
    for (const [at, { command, answer }] of examples.entries()) {
      if (answer !== undefined) assert.match(answers[at]?.trim() ?? '', patternOf(answer), command)
    }
    assert.deepEqual(world.faults, [])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { SORTS } from '../../src/doctor/finding.ts'
import { missingPackages } from '../packages.ts'
import { type Ending, runCli } from '../spawn.ts'
import { Nsd } from './nsd.ts'
import { DELEGATED, World } from './world.ts'

const skip = await missingPackages(['nsd', 'dig'])
const options = { ...(skip !== undefined && { skip }) }
/** What the machine that tests run on may have of its own. */
const ENVIRONMENT = ['clock-free', 'disk-low']

const report = z.object({
  findings: z.array(z.object({ code: z.string(), what: z.string(), why: z.string(), mend: z.string() })),
})

function run(world: World, ...words: string[]): Promise<Ending> {
  const root = `${world.root.address}:${world.root.port}`
  return runCli(['doctor', '--config', join(world.dir, 'freenet6.toml'), '--root', root, ...words], {
    timeout: 60_000,
  })
}

function codesIn({ stdout }: Ending): string[] {
  return report.parse(JSON.parse(stdout)).findings.map(({ code }) => code)
}

test(
  'doctor finds nothing in a sound world, then what is broken, then that nothing runs',
  options,
  async () => {
    await using world = await World.open()
    {
      await using _root = await Nsd.start(world.root, { '': DELEGATED })
      await using _second = await Nsd.start(world.second, world.copies())
      const sound = await run(world, '--json')
      assert.deepEqual(
        codesIn(sound).filter(code => !ENVIRONMENT.includes(code)),
        [],
      )
      assert.equal(sound.code, codesIn(sound).length === 0 ? 0 : 1)
    }
    {
      await using _root = await Nsd.start(world.root, {
        '': DELEGATED.replace('ns2.freenet6.net. A 127.0.0.3\n', ''),
      })
      await using _second = await Nsd.start(world.second, world.copies())
      const { code, stdout } = await run(world)
      assert.equal(code, 1)
      assert.match(
        stdout,
        /^fault glue-missing: the root gives no address for ns2\.freenet6\.net.*\n {2}why: .+\n {2}mend: .+$/m,
      )
    }
    assert.equal(await world.server.stop(), 0)
    const stopped = await run(world, '--json')
    assert.equal(stopped.code, 1)
    assert.deepEqual(codesIn(stopped), ['not-running'])
  },
)

test('doctor looks at the reverse zone of the routed prefixes too', options, async () => {
  await using world = await World.open({ tunnel: 'routed_prefix = "2001:db8:a00::/40"\n' })
  await using _root = await Nsd.start(world.root, { '': DELEGATED })
  await using _second = await Nsd.start(world.second, world.copies())
  const { stdout } = await run(world)
  assert.match(
    stdout,
    /^fault not-delegated: the root delegates no zone a\.0\.8\.b\.d\.0\.1\.0\.0\.2\.ip6\.arpa/m,
  )
})

test('doctor takes no root that is no address, and nothing without a configuration', async () => {
  const { code, stderr } = await runCli(['doctor', '--root', 'nonsense'])
  assert.equal(code, 2)
  assert.match(stderr, /--root takes ADDRESS:PORT/)
  const missing = await runCli(['doctor', '--config', '/nonexistent/freenet6.toml'])
  assert.equal(missing.code, 2)
})

test('docs/doctor.md lists every finding with its words, and no other', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'doctor.md'), 'utf8')
  const listed = text.match(/^\| `.*$/gm) ?? []
  const known = Object.entries(SORTS).map(
    ([code, { severity, what, mend }]) => `| \`${code}\` | ${severity} | ${what} | ${mend} |`,
  )
  assert.deepEqual(listed, known)
})

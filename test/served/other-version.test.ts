import assert from 'node:assert/strict'
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { noBatches } from '../listen/batch-listener.ts'
import { runCli } from '../spawn.ts'
import { HeldBroker } from './held-broker.ts'
import { RestartedBroker } from './restarted-broker.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** The program in a directory of its own, in which another version can take its place. */
function installed(t: TestContext): string {
  const program = mkdtempSync(join(tmpdir(), 'freenet6-program-'))
  t.after(() => rmSync(program, { recursive: true, force: true }))
  for (const name of ['package.json', 'src', 'templates', 'zones'])
    cpSync(join(ROOT, name), join(program, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(program, 'node_modules'))
  return program
}

/** Puts files of another version where those of the running one were: a sentence, a key and a partial more, pages less. */
function putAnotherVersion(program: string): void {
  const templates = join(program, 'templates')
  for (const file of readdirSync(join(templates, 'words')))
    appendFileSync(join(templates, 'words', file), '\nbrand-new = "New"\n')
  appendFileSync(join(templates, 'systems', 'debian', 'system.toml'), '\n[brand-new]\nkey = "new"\n')
  writeFileSync(join(templates, 'partials', 'brand-new.hbs'), '{{#broken}}')
  rmSync(join(templates, 'pages'), { recursive: true })
}

async function assertWhole(broker: RestartedBroker): Promise<void> {
  const { web } = broker.server
  const pages = await Promise.all(['/', '/errors', '/style.css'].map(path => fetch(`${web}${path}`)))
  assert.deepEqual(
    pages.map(({ status }) => status),
    [200, 200, 200],
  )
  const refused = await runCli(['tunnel', 'show', 'nobody.de', '--config', broker.configFile])
  assert.match(refused.stderr, /^not-found: There is no/)
  const [known, unknown] = [await broker.register(1), await broker.register(1)]
  assert.deepEqual([known.status, unknown.status], [201, 409])
  const { id, key } = (await known.json()) as { id: string; key: string }
  const script = await fetch(`${web}/api/v1/tunnels/${id}/script?os=debian`, {
    headers: { authorization: `Bearer ${key}` },
  })
  assert.equal(script.status, 200)
}

test('pages, scripts and refusals are those of the running version, whatever version lies on the disk', async t => {
  const broker = new RestartedBroker(t)
  broker.program = installed(t)
  await broker.start()
  putAnotherVersion(broker.program)
  await assertWhole(broker)
})

test('where a successor of another version ends with the table, the version before serves again', {
  skip: noBatches,
}, async t => {
  const broker = new HeldBroker(t)
  broker.program = installed(t)
  await broker.start()
  broker.plan({ of: 'predecessor', at: 'before saying', kind: 'released', what: 'wait' })
  const failure = broker.failure()
  await broker.held()
  putAnotherVersion(broker.program)
  broker.plan({ of: 'successor', at: 'before saying', kind: 'answering', what: 'kill' })
  assert.match(await failure, /SIGKILL/)
  assert.doesNotMatch(broker.server.stderr, /can not be opened again/)
  await assertWhole(broker)
})

test('a version in a directory of its own takes over through the link, with its own Node, when the one before is gone', {
  skip: noBatches,
}, async t => {
  const [before, after] = [installed(t), installed(t)]
  const link = `${before}-link`
  t.after(() => rmSync(link))
  symlinkSync(before, link)
  cpSync(process.execPath, join(before, 'node'))
  symlinkSync(process.execPath, join(after, 'node'))
  const broker = new RestartedBroker(t)
  broker.program = link
  broker.node = join(link, 'node')
  await broker.start()
  rmSync(link)
  symlinkSync(after, link)
  rmSync(before, { recursive: true })
  const pid = await broker.restarted()
  assert.equal(readlinkSync(`/proc/${pid}/exe`), realpathSync(process.execPath))
  await assertWhole(broker)
})

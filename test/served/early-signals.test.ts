import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { configText } from '../spawn.ts'
import { until } from '../until.ts'

const CLI = join(import.meta.dirname, '..', '..', 'src', 'cli.ts')

let directory: string
let words: readonly string[]
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-early-'))
  const config = join(directory, 'freenet6.toml')
  writeFileSync(config, configText(''))
  words = ['--config', config, 'serve']
})
after(() => rmSync(directory, { recursive: true }))

/** Has Node send itself a signal when it is about to load a file. */
function signalAt(file: string, signal: NodeJS.Signals): readonly string[] {
  const code = `import { registerHooks } from 'node:module'
    const resolve = (name, context, next) => {
      if (name.endsWith('/${file}')) process.kill(process.pid, '${signal}')
      return next(name, context)
    }
    registerHooks({ resolve })`
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`]
}

for (const file of ['program.ts', 'serve.ts', 'config.ts', 'starting.ts'])
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    test(`${signal} while ${file} is about to be loaded ends serve with 0`, () => {
      const ended = spawnSync(process.execPath, [...signalAt(file, signal), CLI, ...words])
      assert.deepEqual([ended.status, ended.signal, String(ended.stdout)], [0, null, ''])
    })

test('SIGHUP while files are loaded does not end the start: they are read again after it', async () => {
  const child = spawn(process.execPath, [...signalAt('program.ts', 'SIGHUP'), CLI, ...words])
  let log = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    log += text
  })
  const [line] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  assert.match(String(line), /^ready dns=/)
  await until(async () => log.includes('"msg":"reloaded"'))
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('a command that only mentions serve is ended by the signal', () => {
  const mentioned = ['check-zone', 'serve']
  const ended = spawnSync(process.execPath, [...signalAt('program.ts', 'SIGTERM'), CLI, ...mentioned])
  assert.equal(ended.signal, 'SIGTERM')
})

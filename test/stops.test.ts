import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { PATIENCE_MS } from './until.ts'

const STOPS = join(import.meta.dirname, '../src/stops.ts')

/** A process whose parts are stopped at once, and in which something goes on that nobody stops. */
const PROGRAM = `
import { endWithin } from ${JSON.stringify(STOPS)}
setInterval(() => undefined, 1000)
await endWithin(300, { end: async () => undefined, log: { debug() {}, info() {}, warn() {}, error() {} } })
console.log('stopped')
`

test('what goes on after all parts are stopped keeps no process alive', async t => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  t.after(() => clearTimeout(late))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  const [code] = await once(child, 'close')
  assert.deepEqual([code, output], [0, 'stopped\n'])
})

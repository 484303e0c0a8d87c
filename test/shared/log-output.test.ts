import assert from 'node:assert/strict'
import { execFileSync, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { PATIENCE_MS } from '../until.ts'

const LOG = join(import.meta.dirname, '..', '..', 'src', 'shared')
const LINES = 5000
/** Writes lines of about 100 octets to the log on standard error; says on standard output how many were dropped. */
const WRITER = `
  import { openLog } from '${LOG}/log.ts'
  import { LogOutput } from '${LOG}/log-output.ts'
  const output = new LogOutput()
  const log = openLog("info", output)
  for (let n = 0; n < ${LINES}; n++) log.info({ n, filler: 'x'.repeat(40) }, 'line')
  process.stdout.write(String(output.dropped))
`

let directory: string
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-log-'))
})
after(() => rmSync(directory, { recursive: true }))

/** Runs the writer to its end with this standard error; how many lines it dropped. */
async function writeLines(stderr: number | 'pipe'): Promise<{ code: number | null; dropped: number }> {
  const stdio: StdioOptions = ['ignore', 'pipe', stderr]
  const child = spawn(process.execPath, ['--input-type=module', '--eval', WRITER], {
    stdio,
    timeout: PATIENCE_MS,
  })
  const output = child.stdout === null ? '' : text(child.stdout)
  const [code] = await once(child, 'exit')
  return { code, dropped: Number(await output) }
}

/** Every line is whole JSON, in order. */
function numbersIn(lines: string): number[] {
  return lines
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line).n)
}

test('a pipe that nobody reads drops lines, counts them, and keeps no one waiting', async () => {
  const path = join(directory, 'pipe')
  execFileSync('mkfifo', [path])
  const pipe = openSync(path, constants.O_RDWR)
  const { code, dropped } = await writeLines(pipe)
  assert.equal(code, 0)
  assert.ok(dropped > 0 && dropped < LINES, `${dropped} dropped`)
  const room = Buffer.alloc(1_000_000)
  const taken = room.toString('utf8', 0, readSync(pipe, room))
  closeSync(pipe)
  // What was taken are the first lines, and perhaps the beginning of one more.
  const whole = taken.slice(0, taken.lastIndexOf('\n') + 1)
  assert.deepEqual(
    numbersIn(whole),
    Array.from(numbersIn(whole), (_, n) => n),
  )
  const cut = LINES - dropped - numbersIn(whole).length
  assert.ok(cut === 0 || cut === 1, `${cut} lines neither written nor counted`)
})

test('a socket that nobody reads does neither', async () => {
  const { code, dropped } = await writeLines('pipe') // Node's pipes are socket pairs
  assert.equal(code, 0)
  assert.ok(dropped > 0 && dropped < LINES, `${dropped} dropped`)
})

test('a disk without room drops every line', async () => {
  const full = openSync('/dev/full', 'w')
  assert.deepEqual(await writeLines(full), { code: 0, dropped: LINES })
  closeSync(full)
})

test('a file takes every line, after what others have written to it', async () => {
  const path = join(directory, 'log')
  const file = openSync(path, 'w')
  execFileSync('echo', ['{"n":-1}'], { stdio: ['ignore', file, 'ignore'] })
  assert.deepEqual(await writeLines(file), { code: 0, dropped: 0 })
  closeSync(file)
  assert.deepEqual(
    numbersIn(readFileSync(path, 'utf8')),
    Array.from({ length: LINES + 1 }, (_, n) => n - 1),
  )
})

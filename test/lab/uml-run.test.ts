import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { missingGuest } from './kernel.ts'

const UML_RUN = join(import.meta.dirname, 'uml-run')
const skip = await missingGuest()

describe('uml-run', { skip: skip ?? false }, () => {
  test('passes on the command’s words, output and exit status, from any directory', () => {
    const words = ['sh', '-c', 'echo "$1"; pwd; exit 7', 'sh', `two words, 'quotes' and $HOME`]
    const ran = spawnSync(UML_RUN, ['--', ...words], { cwd: tmpdir(), encoding: 'utf8' })
    assert.equal(ran.stdout, `two words, 'quotes' and $HOME\n${tmpdir()}\n`)
    assert.equal(ran.status, 7)
  })

  test('passes on output while the command runs, and leaves no process and no file when it is ended', async () => {
    const marker = `/tmp/uml-run-test.${process.pid}`
    const child = spawn(UML_RUN, ['--', 'sh', '-c', `echo ready; sleep 60; : ${marker}`], { stdio: 'pipe' })
    const [text] = await once(child.stdout.setEncoding('utf8'), 'data')
    assert.equal(text, 'ready\n')
    const directory = workDirectoryOf(marker)
    const guest = Number(readFileSync(join(directory, 'guest/pid'), 'utf8'))
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [143, null])
    await gone(guest)
    assert.ok(!readdirSync('/tmp').includes(directory.slice('/tmp/'.length)))
  })

  test('says so when the guest does not finish in time', () => {
    const ran = spawnSync(UML_RUN, ['-t', '4', '--', 'sleep', '60'], { encoding: 'utf8' })
    assert.equal(ran.status, 124)
    assert.match(ran.stderr, /the guest did not finish \(limit 4 s\)/)
  })

  test('says what to install when the kernel is missing', () => {
    const ran = spawnSync('/bin/bash', [UML_RUN, '--', 'true'], {
      env: { PATH: '/nowhere' },
      encoding: 'utf8',
    })
    assert.equal(ran.status, 127)
    assert.match(ran.stderr, /missing: apt-get install /)
  })

  test('wants a command', () => {
    const ran = spawnSync(UML_RUN, [], { encoding: 'utf8' })
    assert.equal(ran.status, 2)
    assert.match(ran.stderr, /usage/)
  })
})

function workDirectoryOf(marker: string): string {
  const directories = readdirSync('/tmp').filter(name => name.startsWith('uml-run.'))
  const found = directories.find(name => commandIn(join('/tmp', name)).includes(marker))
  assert.ok(found)
  return join('/tmp', found)
}

function commandIn(directory: string): string {
  try {
    return readFileSync(join(directory, 'command'), 'utf8')
  } catch {
    return '' // another run's, ended meanwhile
  }
}

/** Waits until a process has ended; one that still waits to be collected by its parent has. */
async function gone(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const state = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()
    if (state === '' || state.startsWith('Z')) return
    await sleep(100)
  }
  assert.fail(`process ${pid} is still there`)
}

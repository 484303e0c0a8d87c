import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { forkProgram } from '../../src/shared/forked-program.ts'
import type { Start } from '../../src/shared/program.ts'
import { openSpawner } from '../../src/shared/spawned-program.ts'

const ENVIRONMENT = { PATH: '/usr/bin:/bin', ONE: 'a b' }
const spawnProgram = await openSpawner()
const WAYS: Readonly<Record<string, Start | undefined>> = {
  'a copy of this process': forkProgram,
  'no copy of this process': spawnProgram,
}

for (const [way, start] of Object.entries(WAYS)) {
  const skip = start === undefined ? 'koffi is not there' : false
  const run = async (script: string) => {
    assert.ok(start)
    const program = await start('sh', {
      args: ['-c', script],
      environment: ENVIRONMENT,
      pipes: [true, true, true],
    })
    program.stdin?.on('error', () => undefined).end('fed') // most end without reading
    assert.ok(program.stdout !== undefined && program.stderr !== undefined)
    const [output, errors, status] = await Promise.all([
      text(program.stdout),
      text(program.stderr),
      program.ended,
    ])
    return { output, errors, status, pid: program.pid }
  }

  test(`by ${way}: input, both outputs, status and environment`, { skip }, async () => {
    const { output, errors, status } = await run('cat; echo " $ONE"; echo bad >&2; exit 3')
    assert.deepEqual([output, errors, status], ['fed a b\n', 'bad\n', 3])
  })

  test(`by ${way}: what a signal ended has no status`, { skip }, async () => {
    assert.equal((await run('kill -s KILL $$')).status, null)
  })

  test(`by ${way}: it heads a session, blocks and ignores no signal`, { skip }, async () => {
    const { output, pid } = await run('exec cat /proc/self/stat /proc/self/status')
    const [, , , , group, session] = output.split(' ')
    assert.deepEqual([group, session].map(Number), [pid, pid])
    assert.match(output, /^SigBlk:\t0+\nSigIgn:\t0+$/m)
  })

  test(`by ${way}: it has no file of ours`, { skip }, async () => {
    const socket = createServer().listen(0)
    await once(socket, 'listening')
    const { output } = await run('exec ls /proc/self/fd')
    socket.close()
    const theListing = 3
    assert.deepEqual(output.trim().split('\n').map(Number).sort(), [0, 1, 2, theListing, ...given()].sort())
  })

  test(`by ${way}: where no pipe is wanted there is /dev/null`, { skip }, async () => {
    assert.ok(start)
    const program = await start('sh', {
      args: ['-c', 'readlink /proc/$$/fd/0 /proc/$$/fd/2'],
      environment: ENVIRONMENT,
      pipes: [false, true, false],
    })
    assert.deepEqual([program.stdin, program.stderr], [undefined, undefined])
    assert.equal(program.stdout && (await text(program.stdout)), '/dev/null\n/dev/null\n')
  })

  test(`by ${way}: each of a crowd has its own status`, { skip }, async () => {
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => (await run(`exit ${i}`)).status),
    )
    assert.deepEqual(
      statuses,
      statuses.map((_, i) => i),
    )
  })

  test(`by ${way}: what is not there, or no program, is the system's error`, { skip }, async () => {
    const options = { args: [], environment: ENVIRONMENT, pipes: [true, true, true] } as const
    await assert.rejects(async () => start?.('no-such-tool', options), { code: 'ENOENT' })
    await assert.rejects(async () => start?.('/no/such/tool', options), { code: 'ENOENT' })
    await assert.rejects(async () => start?.('/etc/passwd', options), { code: 'EACCES' })
  })
}

test('children that Node starts itself meanwhile keep their own ends', async () => {
  const [forked, spawned] = await Promise.all([
    forkProgram('sh', { args: ['-c', 'exit 4'], environment: ENVIRONMENT, pipes: [false, false, false] }),
    (spawnProgram ?? forkProgram)('sh', {
      args: ['-c', 'exit 5'],
      environment: ENVIRONMENT,
      pipes: [false, false, false],
    }),
  ])
  assert.deepEqual(await Promise.all([forked.ended, spawned.ended]), [4, 5])
})

test('a process waits for the children that it has started, and not for those that it has let go', async () => {
  const imported = (name: string) =>
    `(await import(${JSON.stringify(join(import.meta.dirname, '../../src/shared', name))}))`
  const ways = [
    `${imported('forked-program.ts')}.forkProgram`,
    ...(spawnProgram === undefined ? [] : [`await ${imported('spawned-program.ts')}.openSpawner()`]),
  ]
  for (const way of ways) {
    const script = `const start = ${way}
      const options = { environment: { PATH: '/usr/bin:/bin' }, pipes: [false, false, false] }
      const left = await start('sleep', { args: ['60'], ...options })
      left.letGo()
      const { ended } = await start('sleep', { args: ['0.2'], ...options })
      ended.then(status => console.log(left.pid, status))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    const [pid, status] = stdout.trim().split(' ').map(Number)
    assert.equal(status, 0)
    process.kill(pid ?? 0)
  }
})

/** Files that this process was started with, and passes on. */
function given(): readonly number[] {
  const numbers = readdirSync('/proc/self/fd').map(Number)
  return numbers.filter(fd => fd > 3 && existsSync(`/proc/self/fd/${fd}`) && !closesOnExec(fd))
}

function closesOnExec(fd: number): boolean {
  const [, flags = '0'] = /^flags:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? []
  return (Number.parseInt(flags, 8) & 0o2000000) !== 0
}

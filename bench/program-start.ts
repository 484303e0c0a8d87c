/**
 * What the start of a program costs a process with much memory, by both ways that there are: the time until the program
 * has ended, and the longest time that the event loop was not free meanwhile. Medians of the starts:
 * `node bench/program-start.ts [MEGABYTES …]`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { forkProgram } from '../src/shared/forked-program.ts'
import type { Start } from '../src/shared/program.ts'
import { openSpawner } from '../src/shared/spawned-program.ts'
import { median } from './statistics.ts'

const STARTS = 15
const PAGE = 4096
const OPTIONS = { args: [], environment: { PATH: '/usr/bin:/bin' }, pipes: [false, true, false] } as const
const WAYS: Readonly<Record<string, Start | undefined>> = {
  'fork, as Node does': forkProgram,
  posix_spawn: await openSpawner(),
}

/** Kept: what the collector takes back is not copied. */
const held: Uint8Array[] = []
const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1, 300, 1000]
for (const megabytes of sizes) {
  const memory = new Uint8Array(new SharedArrayBuffer(megabytes * 1024 * 1024))
  held.push(memory)
  for (let at = 0; at < memory.length; at += PAGE) memory[at] = 1
  for (const [way, start] of Object.entries(WAYS)) {
    if (start === undefined) throw new Error('koffi is not there')
    const measured: Measured[] = []
    for (let i = 0; i < STARTS; i++) measured.push(await measure(start))
    const figures = {
      way,
      megabytes,
      endedMs: rounded(median(measured.map(({ endedMs }) => endedMs))),
      longestTurnMs: rounded(median(measured.map(({ longestTurnMs }) => longestTurnMs))),
    }
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  }
}

interface Measured {
  readonly endedMs: number
  readonly longestTurnMs: number
}

async function measure(start: Start): Promise<Measured> {
  await sleep(20) // what the start before has left behind is cleared away
  let [longestTurnMs, isOver] = [0, false]
  const begin = performance.now()
  let last = begin
  const look = () => {
    const now = performance.now()
    longestTurnMs = Math.max(longestTurnMs, now - last)
    last = now
    if (!isOver) setImmediate(look)
  }
  const program = await start('true', OPTIONS)
  look()
  program.stdout?.resume()
  await program.ended
  isOver = true
  return { endedMs: performance.now() - begin, longestTurnMs }
}

function rounded(milliseconds: number): number {
  return Number(milliseconds.toFixed(1))
}

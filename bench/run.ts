/** Measures this server beside its peers and writes its part of docs/benchmarks.md: `npm run bench -- --help`. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { findProgram } from './contender.ts'
import { coresFor, moveToGeneratorCore } from './cores.ts'
import { generatorVersion } from './generator.ts'
import { contendersFor } from './line-up.ts'
import { describeMachine } from './machine.ts'
import { OptionMistake, type Options, parseOptions, USAGE } from './options.ts'
import { writePart } from './owned-part.ts'
import { report } from './report.ts'
import { measureAll } from './session.ts'

const REQUIRED = { dnsperf: 'dnsperf', taskset: 'util-linux' }

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args)
    if (options === 'help') process.stdout.write(USAGE)
    else await bench(options, args)
    return 0
  } catch (error) {
    const isOurs = error instanceof OptionMistake
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${isOurs ? USAGE : ''}`)
    return isOurs ? 2 : 1
  }
}

async function bench(options: Options, args: readonly string[]): Promise<void> {
  for (const [program, name] of Object.entries(REQUIRED)) {
    if (findProgram(program) === undefined) throw new Error(`${program} is missing: apt-get install ${name}`)
  }
  coresFor(1)
  const started = performance.now()
  const work = options.work ?? mkdtempSync(join(tmpdir(), 'freenet6-bench-'))
  mkdirSync(work, { recursive: true })
  try {
    const machine = describeMachine(work)
    moveToGeneratorCore()
    const lineUp = contendersFor(options.peers)
    for (const line of lineUp.absent) say(line)
    const results = await measureAll({ options, work, lineUp, say })
    const text = report({
      options,
      args,
      machine,
      generator: generatorVersion(),
      lineUp,
      results,
      seconds: (performance.now() - started) / 1000,
    })
    if (options.report === '-') process.stdout.write(text)
    else writePart(resolve(options.report), 'npm run bench', text)
  } finally {
    if (options.work === undefined) rmSync(work, { recursive: true, force: true })
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

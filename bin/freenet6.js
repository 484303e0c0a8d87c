#!/usr/bin/env node
// Starts freenet6 with a Node that is new enough. Plain JavaScript: it must run with an old one to look for another.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const LEAST_MAJOR = 24
const PACKAGE = join(dirname(fileURLToPath(import.meta.url)), '..')
const SOURCE = join(PACKAGE, 'src', 'cli.ts')
// Node runs no TypeScript below node_modules: the package from the registry has it translated.
const IS_CLONE = existsSync(SOURCE)
const CLI = IS_CLONE ? SOURCE : join(PACKAGE, 'dist', 'cli.js')
/** Where npm puts programs: the package's own, and those installed beside it. */
const INSTALLED = [join(PACKAGE, 'node_modules', '.bin'), join(PACKAGE, '..', '.bin')]
/** The clone's lock file names a Node; the package from the registry has none. */
const BRINGS_NODE = IS_CLONE
  ? `run npm ci in ${PACKAGE}, which brings one along`
  : `run npm install node@${LEAST_MAJOR} where freenet6 is installed`

if (majorOf(process.version) >= LEAST_MAJOR) await import(CLI)
else startWith(findNode())

function majorOf(version) {
  return Number(/^v([0-9]+)\./.exec(version)?.[1] ?? 0)
}

/** A Node that npm has installed, else one on the path. */
function findNode() {
  const directories = [...INSTALLED, ...(process.env.PATH ?? '').split(delimiter)]
  const programs = directories.flatMap(directory =>
    ['node', `node${LEAST_MAJOR}`, `node-${LEAST_MAJOR}`].map(name => join(directory, name)),
  )
  return programs.find(program => existsSync(program) && isNewEnough(program))
}

function isNewEnough(program) {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  return majorOf(stdout ?? '') >= LEAST_MAJOR
}

function startWith(node) {
  if (node === undefined) {
    process.stderr.write(
      `freenet6: needs Node ${LEAST_MAJOR} or later, this is ${process.version}: install it, or ${BRINGS_NODE}\n`,
    )
    process.exitCode = 2
    return
  }
  const child = spawn(node, [CLI, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

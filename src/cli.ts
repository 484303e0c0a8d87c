#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkConfig } from './operator/check-config.ts'
import { checkZone } from './operator/check-zone.ts'
import { type CommandOptions, EXIT, type ExitCode, UsageMistake } from './operator/exit.ts'

const USAGE = `freenet6: an authoritative nameserver with an integrated IPv6 tunnel broker

usage: freenet6 <command> [--config FILE]

  serve                         run the nameserver, the web pages and the monitor
  check-config                  read the configuration and say what is wrong with it
  check-zone FILE [ORIGIN]      read a zone file and say what is wrong with it
  tunnel list                   every tunnel, one a line
  tunnel show ID|NAME           one tunnel
  tunnel add IPV4 NICNAME COUNTRY OS
                                register a tunnel; prints its key, once
  tunnel delete ID|NAME         take a tunnel down: interface, row, names
  audit                         compare what is answered with the table, mend, and say how many records differed

  --config FILE                 default: freenet6.toml in the working directory, else the built-in demo values
  --json                        (tunnel, audit) print JSON
  --lenient                     (check-zone) leave wrong records out, as with zones.on_error = "skip-record"
`

async function main(words: readonly string[]): Promise<ExitCode> {
  const { positionals, values } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      json: { type: 'boolean' },
      lenient: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const [command, ...rest] = positionals
  const options = { config: values.config, json: values.json === true }
  if (values.help === true || command === 'help') {
    process.stdout.write(USAGE)
    return EXIT.ok
  }
  switch (command) {
    case 'serve':
      return serve(noMore(rest, options))
    case 'check-config':
      return checkConfig(noMore(rest, options))
    case 'check-zone':
      return checkZone(rest, { isLenient: values.lenient === true })
    case 'tunnel':
      return tunnel(rest, options)
    case 'audit':
      return tunnel(['audit', ...rest], options)
    default:
      throw new UsageMistake(
        command === undefined ? 'which command?' : `there is no command ${JSON.stringify(command)}`,
      )
  }
}

// What Node has compiled is kept with the packages, and a start takes half as long; where it can't be written, it is not.
enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'freenet6'))

// The service takes more than half a second to load: the checks, which operators run in a row, go without it.
async function serve(options: CommandOptions): Promise<ExitCode> {
  return (await import('./serve.ts')).serve(options)
}

async function tunnel(words: readonly string[], options: CommandOptions): Promise<ExitCode> {
  return (await import('./operator/tunnel.ts')).tunnelCommand(words, options)
}

function noMore<T>(rest: readonly string[], options: T): T {
  if (rest.length > 0) throw new UsageMistake(`unexpected ${JSON.stringify(rest[0])}`)
  return options
}

function isUsageMistake(error: unknown): error is Error {
  if (error instanceof UsageMistake) return true
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (isUsageMistake(error)) {
    process.stderr.write(`freenet6: ${error.message}\n\n${USAGE}`)
    process.exitCode = EXIT.usage
  } else {
    process.stderr.write(`freenet6: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = EXIT.fault
  }
}

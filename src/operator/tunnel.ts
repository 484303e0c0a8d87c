import { compose } from '../compose.ts'
import { readConfig } from '../config/config.ts'
import { openLog } from '../shared/log.ts'
import type { BrokenRow } from '../tunnel/tunnel.ts'
import type { ControlHandler } from './control.ts'
import { ControlClient, NotRunning } from './control-client.ts'
import { type CommandOptions, EXIT, type ExitCode, UsageMistake } from './exit.ts'
import { type OperatorReply, problemLines, type TunnelReport } from './operator.ts'
import { operatorHandler } from './operator-commands.ts'

const LIST_SLICE = 500

/** `tunnel list|show|add|delete` and `audit`: through the running process, or on the database where none runs. */
export async function tunnelCommand(words: readonly string[], options: CommandOptions): Promise<ExitCode> {
  const call = parseWords(words)
  const reading = readConfig(options.config)
  if (reading.kind === 'mistakes') {
    process.stderr.write(`${reading.mistakes.join('\n')}\n`)
    return EXIT.usage
  }
  try {
    using client = await ControlClient.connect(reading.config.control.socket)
    return await run(call, (command, parameters) => client.send(command, parameters), options)
  } catch (error) {
    if (!(error instanceof NotRunning)) throw error
  }
  const broker = await compose(reading.config, { log: openLog() })
  try {
    return await run(call, operatorHandler(broker), options)
  } finally {
    broker.close()
  }
}

interface Call {
  readonly command: string
  readonly parameters: Readonly<Record<string, string>>
}

function parseWords(words: readonly string[]): Call {
  const [command = '', ...given] = words
  const [first = '', nicname = '', country = '', os = ''] = given
  const counts: Readonly<Record<string, number>> = { list: 0, audit: 0, show: 1, delete: 1, add: 4 }
  const wanted = counts[command]
  if (wanted === undefined) throw new UsageMistake('tunnel list, show, add or delete?')
  if (given.length !== wanted) throw new UsageMistake(`${command} takes ${wanted} words, not ${given.length}`)
  return command === 'add'
    ? { command, parameters: { ipv4: first, nicname, country, os } }
    : { command, parameters: wanted === 1 ? { reference: first } : {} }
}

async function run(call: Call, handler: ControlHandler, options: CommandOptions): Promise<ExitCode> {
  if (call.command === 'list') return list(handler, options)
  const reply = (await handler(call.command, call.parameters)) as OperatorReply<
    Readonly<Record<string, unknown>>
  >
  if (reply.kind === 'refused') {
    process.stderr.write(`${problemLines(reply.problems).join('\n')}\n`)
    return EXIT.fault
  }
  print(options.json ? JSON.stringify(reply.value) : Object.entries(reply.value).map(fieldLine).join('\n'))
  return EXIT.ok
}

async function list(handler: ControlHandler, options: CommandOptions): Promise<ExitCode> {
  for (let after = ''; ; ) {
    const slice = (await handler('list', { after, limit: String(LIST_SLICE) })) as readonly TunnelReport[]
    for (const tunnel of slice) print(options.json ? JSON.stringify(tunnel) : tunnelLine(tunnel))
    const last = slice.at(-1)
    if (last === undefined) break
    after = last.id
  }
  for (const row of (await handler('broken', {})) as readonly BrokenRow[])
    print(options.json ? JSON.stringify(row) : brokenLine(row))
  return EXIT.ok
}

function brokenLine({ id, reason, columns }: BrokenRow): string {
  return `${id}  broken: ${reason}  ${JSON.stringify(columns)}`
}

function tunnelLine(tunnel: TunnelReport): string {
  const columns = [
    tunnel.id,
    tunnel.name,
    (tunnel.ipv4Client ?? '-').padEnd(15),
    tunnel.ipv6Client,
    tunnel.device,
    `${tunnel.state}${tunnel.unreachable > 0 ? ` (${tunnel.unreachable})` : ''}`,
  ]
  return columns.join('  ') + (tunnel.fault === undefined ? '' : `  fault: ${tunnel.fault}`)
}

function fieldLine([key, value]: [string, unknown]): string {
  return `${key}: ${String(value)}`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

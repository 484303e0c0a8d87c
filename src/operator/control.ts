import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { Log } from '../shared/log.ts'

/** One command of an operator to the running process, and its answer; both are plain JSON values. */
export type ControlHandler = (
  command: string,
  parameters: Readonly<Record<string, string>>,
) => Promise<unknown>

/** What stands on a line of the answer: what the command gave, or why it could not be done. */
type ControlReply = { readonly value: unknown } | { readonly error: string }

const MAX_COMMAND_LENGTH = 65_536
/** Where so many commands of one connection are under way, or their replies are not taken, no more are read. */
const MAX_UNDER_WAY = 1024

/**
 * The operator's way into a running process: a line of JSON for each command and one for each reply, in the same order,
 * on a Unix socket that only its owner can open. Who can open it could edit the database as well, so it asks for no key.
 */
export class Control {
  readonly #server: Server
  readonly #sockets: ReadonlySet<Socket>

  private constructor(server: Server, sockets: ReadonlySet<Socket>) {
    this.#server = server
    this.#sockets = sockets
  }

  /** Listens; a socket file left over by a process that was killed is replaced. The database lock rules out a living one. */
  static async listen(path: string, handler: ControlHandler, log: Log): Promise<Control> {
    rmSync(path, { force: true })
    const sockets = new Set<Socket>()
    const server = createServer({ allowHalfOpen: true }, socket => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      converse(socket, line => answer(line, handler, log))
    })
    const mask = process.umask(0o177) // the socket is born with the owner's rights alone
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(path, resolve)
      })
    } finally {
      process.umask(mask)
    }
    server.unref()
    return new Control(server, sockets)
  }

  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

/** Commands of one connection are worked on together; their replies go back in order. */
function converse(socket: Socket, replyTo: (line: string) => Promise<ControlReply>): void {
  let rest = ''
  let underWay = 0
  let replies = Promise.resolve()
  const readOrWait = () => {
    if (underWay >= MAX_UNDER_WAY || socket.writableNeedDrain) socket.pause()
    else socket.resume()
  }
  const reply = async (line: string, earlier: Promise<void>) => {
    const value = await replyTo(line)
    await earlier
    underWay--
    writeTogether(socket, `${JSON.stringify(value)}\n`)
    readOrWait()
  }
  socket.setEncoding('utf8')
  socket.on('data', chunk => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    underWay += lines.length
    for (const line of lines) replies = reply(line, replies)
    readOrWait()
    if (rest.length <= MAX_COMMAND_LENGTH) return
    socket.write(`${JSON.stringify({ error: 'the command is too long' })}\n`)
    socket.destroySoon()
  })
  socket.on('drain', readOrWait)
  socket.on('end', () => void replies.then(() => socket.end()))
  socket.on('error', () => socket.destroy())
}

/** What is written in one tick leaves in one call. */
function writeTogether(socket: Socket, text: string): void {
  if (socket.writableCorked === 0) {
    socket.cork()
    process.nextTick(() => socket.uncork())
  }
  socket.write(text)
}

async function answer(line: string, handler: ControlHandler, log: Log): Promise<ControlReply> {
  try {
    const { command, parameters } = parseCommand(line)
    return { value: (await handler(command, parameters)) ?? null }
  } catch (error) {
    log.error({ err: error }, 'control command failed')
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

function parseCommand(line: string): { command: string; parameters: Record<string, string> } {
  const value: unknown = JSON.parse(line)
  if (typeof value !== 'object' || value === null || !('command' in value))
    throw new TypeError('not a command')
  const given =
    'parameters' in value && typeof value.parameters === 'object'
      ? Object.entries(value.parameters ?? {})
      : []
  return {
    command: String(value.command),
    parameters: Object.fromEntries(given.map(([key, text]) => [key, String(text)])),
  }
}

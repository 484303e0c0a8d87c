import { lstatSync, rmSync, statSync, unlinkSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Log } from '../shared/log.ts'
import type { CommandReply } from './command.ts'
import { documentOfFault, documentOfLines } from './problem-document.ts'

/** One command of an operator to the running process, and its reply; both are plain JSON values. */
export type ControlHandler = (command: string, parameters: unknown) => Promise<CommandReply>

/** A line that the socket takes. */
const controlCommand = z.strictObject({ command: z.string(), parameters: z.unknown().default({}) })

/** Why a path is not taken where a file, a link or a directory is. */
export const NO_SOCKET = 'something that is no socket stands there'

const MAX_COMMAND_LENGTH = 65_536
/** Commands of one connection that may be under way, or have replies that are not taken yet: no more are read then. */
const MAX_UNDER_WAY = 1024

/**
 * The operator's way into a running process: a line of JSON for each command and one for each reply, in the same order,
 * on a Unix socket that only its owner can open. Who can open it could edit the database as well, so it asks for no key.
 */
export class Control {
  readonly #server: Server
  readonly #sockets: ReadonlySet<Socket>
  /** However the process ends, short of being killed, no file of it is left. */
  readonly #removeFile: () => void

  private constructor(path: string, server: Server, sockets: ReadonlySet<Socket>) {
    this.#server = server
    this.#sockets = sockets
    this.#removeFile = () => rmSync(path, { force: true })
    process.once('exit', this.#removeFile)
  }

  /**
   * Listens; a socket that a killed process left over is replaced: the database lock rules out a living one. Rejects if
   * anything else stands there.
   */
  static async listen(path: string, handler: ControlHandler, log: Log): Promise<Control> {
    if (lacksDirectory(path)) throw new Error(`${keyAndValue(path)}: there is no directory ${dirname(path)}`)
    removeLeftOver(path)
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
    return new Control(path, server, sockets)
  }

  /** Takes no more connections, so that another process can listen in its place; those that stand go on. */
  retire(): void {
    process.off('exit', this.#removeFile)
    this.#server.close()
  }

  async close(): Promise<void> {
    process.off('exit', this.#removeFile)
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

/** Whether the directory for a socket is not there; the system says of that that the permission is denied. */
export function lacksDirectory(path: string): boolean {
  try {
    return statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOTDIR' // else it can't be looked at
  }
}

function keyAndValue(path: string): string {
  return `control.socket = ${JSON.stringify(path)}`
}

/** Somebody's file is never deleted for a mistake in the configuration. */
function removeLeftOver(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new Error(`${keyAndValue(path)}: ${NO_SOCKET}`)
  unlinkSync(path)
}

/** Commands of one connection are worked on together; their replies go back in order. */
function converse(socket: Socket, replyTo: (line: string) => Promise<CommandReply>): void {
  let rest = ''
  let underWay = 0
  let replies = Promise.resolve()
  const readOrWait = () => {
    if (underWay >= MAX_UNDER_WAY || socket.writableNeedDrain) socket.pause()
    else socket.resume()
  }
  const reply = async (line: string, earlier: Promise<void>, hears: Promise<boolean>) => {
    if (!(await hears)) return
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
    const hears = stillHears(socket)
    for (const line of lines) replies = reply(line, replies, hears)
    readOrWait()
    if (rest.length <= MAX_COMMAND_LENGTH) return
    socket.write(`${JSON.stringify(misused('The command is too long.'))}\n`)
    socket.destroySoon()
  })
  socket.on('drain', readOrWait)
  socket.on('end', () => void replies.then(() => socket.end()))
  socket.on('error', () => socket.destroy())
}

/**
 * Whether the other end can still take a reply; false after it has gone, which a write of nothing tells (EPIPE) and its end
 * of input does not. What a process reads late, because it was stopped or busy, is not done for nobody.
 */
function stillHears(socket: Socket): Promise<boolean> {
  return new Promise(resolve => {
    socket.write('', error => resolve(!error))
  })
}

/** What is written in one tick leaves in one call. */
function writeTogether(socket: Socket, text: string): void {
  if (socket.writableCorked === 0) {
    socket.cork()
    process.nextTick(() => socket.uncork())
  }
  socket.write(text)
}

async function answer(line: string, handler: ControlHandler, log: Log): Promise<CommandReply> {
  const reading = controlCommand.safeParse(jsonOf(line))
  if (!reading.success)
    return misused('A line is one JSON object: {"command": "tunnel show", "parameters": {…}}.')
  const { command, parameters } = reading.data
  try {
    return await handler(command, parameters)
  } catch (error) {
    log.error({ err: error, command }, 'control command failed')
    return { problem: documentOfFault(error) }
  }
}

function misused(detail: string): CommandReply {
  return { problem: documentOfLines('command-usage', [detail]) }
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

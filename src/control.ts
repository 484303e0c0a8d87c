import { rmSync } from 'node:fs'
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { text } from 'node:stream/consumers'
import type { Log } from './log.ts'

/** One command of an operator to the running process, and its answer; both are plain JSON values. */
export type ControlHandler = (
  command: string,
  parameters: Readonly<Record<string, string>>,
) => Promise<unknown>

/** Nobody listens on the control socket: the process is not running. */
export class NotRunning extends Error {}

const MAX_COMMAND_LENGTH = 65_536

/**
 * The operator's way into a running process: JSON over HTTP on a Unix socket that only its owner can open. Who can
 * open it could edit the database as well, so it asks for no key.
 */
export class Control {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** Listens; a socket file left over by a process that was killed is replaced. The database lock rules out a living one. */
  static async listen(path: string, handler: ControlHandler, log: Log): Promise<Control> {
    rmSync(path, { force: true })
    const server = createServer((request, response) => void answer(request, response, handler, log))
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
    return new Control(server)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }
}

/** Sends a command to the running process. Throws NotRunning where there is none. */
export async function sendCommand(
  path: string,
  command: string,
  parameters: Readonly<Record<string, string>>,
): Promise<unknown> {
  const body = JSON.stringify({ command, parameters })
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({ socketPath: path, method: 'POST', path: '/' }, resolve)
    request.once('error', reject)
    request.end(body)
  }).catch((error: NodeJS.ErrnoException) => {
    throw isAbsent(error) ? new NotRunning(`nothing listens on ${path}`, { cause: error }) : error
  })
  const value: unknown = JSON.parse(await text(reply))
  if (reply.statusCode !== 200)
    throw new Error(`the running process could not do it: ${JSON.stringify(value)}`)
  return value
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handler: ControlHandler,
  log: Log,
): Promise<void> {
  try {
    const { command, parameters } = parseCommand(await readAll(request))
    const value = await handler(command, parameters)
    send(response, 200, value)
  } catch (error) {
    log.error({ err: error }, 'control command failed')
    send(response, 500, error instanceof Error ? error.message : String(error))
  }
}

async function readAll(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) {
    body += String(chunk)
    if (body.length > MAX_COMMAND_LENGTH) throw new RangeError('the command is too long')
  }
  return body
}

function parseCommand(body: string): { command: string; parameters: Record<string, string> } {
  const value: unknown = JSON.parse(body)
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

function send(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value ?? null)
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body)
}

function isAbsent(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
}

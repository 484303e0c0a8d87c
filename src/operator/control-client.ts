import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { type CommandReply, commandReply } from './command.ts'

/** Nobody listens on the control socket: the process is not running. */
export class NotRunning extends Error {}

/** The process has ended, or closed the connection, before it replied: what was asked may be done all the same. */
export class ReplyLost extends Error {}

/** The process has taken a question and does not answer it. */
export class ProcessSilent extends Error {
  readonly seconds: number
  /** Undefined: nobody knows which process it is. */
  readonly pid: number | undefined

  constructor(seconds: number, pid: number | undefined) {
    super(`the running process has given no reply for ${seconds} seconds`)
    this.seconds = seconds
    this.pid = pid
  }
}

/** The process says what no process of this version does. */
export class ForeignReply extends Error {}

interface Waiting {
  readonly done: (reply: CommandReply) => void
  readonly failed: (error: Error) => void
}

/** A connection to the running process's control socket. Commands may be sent before others are answered. */
export class ControlClient {
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.once('close', () => this.#failAll())
    createInterface({ input: socket })
      .on('line', line => this.#take(line))
      .on('error', () => undefined) // the socket's, whose 'close' follows
  }

  /** Throws NotRunning if nobody listens. */
  static async connect(path: string): Promise<ControlClient> {
    const socket = createConnection(path)
    try {
      await once(socket, 'connect')
    } catch (error) {
      if (!isAbsent(error)) throw error
      throw new NotRunning(`nothing listens on ${path}`, { cause: error })
    }
    return new ControlClient(socket)
  }

  /** Rejects with ReplyLost if the process ends before it has replied, and with ForeignReply if its reply makes no sense. */
  send(command: string, parameters: unknown): Promise<CommandReply> {
    return new Promise((done, failed) => {
      this.#waiting.push({ done, failed })
      this.#socket.write(`${JSON.stringify({ command, parameters })}\n`)
    })
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #take(line: string): void {
    const waiting = this.#waiting.shift()
    const reply = replyOn(line)
    if (reply !== undefined) waiting?.done(reply)
    else waiting?.failed(new ForeignReply(`the running process gave a reply that is none: ${line}`))
  }

  #failAll(): void {
    const error = new ReplyLost('the running process closed the connection before it had answered')
    for (const { failed } of this.#waiting.splice(0)) failed(error)
  }
}

function isAbsent(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
  )
}

/** A process of another version may say what we don't know. */
function replyOn(line: string): CommandReply | undefined {
  try {
    return commandReply.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}

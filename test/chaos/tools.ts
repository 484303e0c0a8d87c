import { copyFileSync, mkdirSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { FakeKernel } from '../kind/sit/fake-kernel.ts'

/** One run of a tool: what it was told. */
export interface Call {
  readonly args: readonly string[]
  readonly input: string
}

export interface Performance {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** What a run of a tool comes to; 'die' is a kill -9 of it. One that never resolves hangs. */
export type Play = (call: Call) => Promise<Performance | 'die'>

type Tool = 'ip' | 'nft' | 'fping'

const CHANNEL = { status: 0, stdout: 1, stderr: 2 } as const
const ADVICE = '[LINK]9: fn6-1@NONE: <POINTOPOINT,NOARP> state DOWN\n'

/** The tools that the broker runs: programs in a directory for its PATH, played here against a small model of a kernel. */
export class Tools {
  readonly kernel = new FakeKernel()
  /** What each tool does at present. A fault puts another play in; `honest` takes it out again. */
  readonly plays: Record<Tool, Play>
  readonly #server: Server
  readonly #monitors = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
    this.plays = { ip: this.ip, nft: done, fping: answers }
    server.on('connection', socket => this.#hear(socket))
  }

  /** `program` is the compiled tool.c; `directory` is made. */
  static async open(program: string, directory: string): Promise<Tools> {
    mkdirSync(directory, { recursive: true })
    for (const tool of ['ip', 'nft', 'fping']) copyFileSync(program, join(directory, tool))
    const server = createServer({ allowHalfOpen: true })
    const tools = new Tools(server)
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(join(directory, 'tools'), resolve)
    await promise
    return tools
  }

  honest(): void {
    Object.assign(this.plays, { ip: this.ip, nft: done, fping: answers })
  }

  /** `ip` as the kernel would have it. */
  readonly ip: Play = async ({ args, input }) => {
    const line = args.join(' ')
    if (line === '-V') return done()
    if (line.includes(' route show ')) return { ...(await done()), stdout: '[]' }
    if (line.includes(' route get ')) return { status: 2, stdout: '', stderr: 'Network is unreachable\n' }
    if (line.startsWith('link delete dev ')) return this.kernel.run(['tunnel', 'del', args[3] ?? ''])
    this.kernel.calls.length = 0
    this.kernel.lines.length = 0
    return this.kernel.run(args, input)
  }

  /** Tells every `ip monitor` that a link has changed. */
  announce(): void {
    for (const socket of this.#monitors) socket.write(frame(CHANNEL.stdout, ADVICE))
  }

  /** Ends every `ip monitor` as by kill -9. */
  killMonitors(): void {
    for (const socket of this.#monitors) socket.destroy()
  }

  close(): void {
    this.killMonitors()
    this.#server.close()
  }

  #hear(socket: Socket): void {
    const chunks: Buffer[] = []
    socket.on('error', () => socket.destroy()) // the broker has killed it
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('end', () => void this.#obey(socket, Buffer.concat(chunks)))
  }

  async #obey(socket: Socket, octets: Buffer): Promise<void> {
    const end = octets.indexOf('\0\0')
    const [path = '', ...args] = octets.toString('utf8', 0, end).split('\0')
    const tool = path.split('/').at(-1) ?? ''
    if (!isTool(tool)) throw new Error(`nobody plays ${path}`)
    if (args.includes('monitor')) {
      this.#monitors.add(socket)
      socket.on('close', () => this.#monitors.delete(socket))
      return
    }
    const outcome = await this.plays[tool]({ args, input: octets.toString('utf8', end + 2) })
    if (outcome === 'die') socket.destroy()
    else
      socket.end(
        Buffer.concat([
          frame(CHANNEL.stdout, outcome.stdout),
          frame(CHANNEL.stderr, outcome.stderr),
          head(CHANNEL.status, outcome.status),
        ]),
      )
  }
}

/** Everybody who is asked answers. */
const answers: Play = async ({ input }) => ({
  ...(await done()),
  stdout: targetsOf(input)
    .map(target => `${target} is alive (0.10 ms)\n`)
    .join(''),
})

export function targetsOf(input: string): string[] {
  return input.split('\n').filter(line => line !== '')
}

async function done(): Promise<Performance> {
  return { status: 0, stdout: '', stderr: '' }
}

function isTool(name: string): name is Tool {
  return name === 'ip' || name === 'nft' || name === 'fping'
}

function frame(channel: number, text: string): Buffer {
  const octets = Buffer.from(text, 'latin1')
  return Buffer.concat([head(channel, octets.length), octets])
}

function head(channel: number, value: number): Buffer {
  const octets = Buffer.alloc(5)
  octets.writeUInt8(channel)
  octets.writeUInt32BE(value, 1)
  return octets
}

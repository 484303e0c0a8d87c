import { copyFileSync, mkdirSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { KernelModel } from './kernel-model.ts'

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

/** The tools that the broker runs: programs in a directory for its PATH, played here against a small model of a kernel. */
export class Tools {
  readonly kernel: KernelModel
  /** What each tool does at present. A fault puts another play in; `honest` takes it out again. */
  readonly plays: Record<Tool, Play>
  readonly #server: Server
  readonly #monitors = new Map<Socket, 'ip' | 'nft'>()

  private constructor(server: Server, kernel: KernelModel) {
    this.#server = server
    this.kernel = kernel
    this.plays = { ip: this.ip, nft: this.nft, fping: answers }
    server.on('connection', socket => this.#hear(socket))
  }

  /** `program` is the compiled tool.c; `directory` is made. */
  static async open(program: string, directory: string, kernel: KernelModel): Promise<Tools> {
    mkdirSync(directory, { recursive: true })
    for (const tool of ['ip', 'nft', 'fping']) copyFileSync(program, join(directory, tool))
    const server = createServer({ allowHalfOpen: true })
    const tools = new Tools(server, kernel)
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(join(directory, 'tools'), resolve)
    await promise
    return tools
  }

  honest(): void {
    Object.assign(this.plays, { ip: this.ip, nft: this.nft, fping: answers })
  }

  /** `ip` as the kernel would have it. */
  readonly ip: Play = async ({ args, input }) => {
    const line = args.join(' ')
    if (line === '-V') return done()
    if (line.includes(' route show default')) return { ...(await done()), stdout: '[]' }
    if (line.includes(' route get ')) return { status: 2, stdout: '', stderr: 'Network is unreachable\n' }
    if (line.startsWith('link delete dev ')) return this.kernel.ip(['tunnel', 'del', args[3] ?? ''])
    return this.kernel.ip(args, input)
  }

  /** `nft` as the kernel would have it. */
  readonly nft: Play = ({ args, input }) => this.kernel.nft(args, input)

  /** Tells every monitor of the kernel of a loss. */
  announce(): void {
    for (const [socket, tool] of this.#monitors)
      socket.write(frame(CHANNEL.stdout, this.kernel.tidings[tool]))
  }

  /** Ends every monitor of the kernel as by kill -9. */
  killMonitors(): void {
    for (const socket of this.#monitors.keys()) socket.destroy()
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
    if (tool !== 'fping' && args.includes('monitor')) {
      this.#monitors.set(socket, tool)
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

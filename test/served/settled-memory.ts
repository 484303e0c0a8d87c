import { readFileSync } from 'node:fs'
import type { Server } from '../spawn.ts'
import { until } from '../until.ts'

const COLLECTED = 'garbage collected'

/**
 * Environment of a server that collects its garbage when it is told to, so that what it holds can be told from what it
 * has not yet let go.
 */
export const COLLECTING = collecting('gc()')

/** One that gives the system back as well what V8 would keep for later: what is resident is then what is held. */
export const RELEASING = collecting("gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })")

function collecting(call: string): { readonly NODE_OPTIONS: string } {
  const program = `
    import { isMainThread } from 'node:worker_threads'
    if (isMainThread) process.on('SIGUSR2', () => {
      for (let i = 0; i < 3; i++) ${call}
      process.stderr.write('${COLLECTED}\\n')
    })
  `
  return { NODE_OPTIONS: `--expose-gc --import=data:text/javascript,${encodeURIComponent(program)}` }
}

/** Octets that a server holds when all its clients have gone. */
export interface Memory {
  readonly heap: number
  readonly resident: number
}

export async function settledMemory(server: Server): Promise<Memory> {
  await until(async () => (await metric(server, 'freenet6_dns_tcp_open')) === 0)
  const collections = timesCollected(server)
  process.kill(server.pid, 'SIGUSR2')
  await until(async () => timesCollected(server) > collections)
  return { heap: await metric(server, 'nodejs_heap_size_used_bytes'), resident: residentOctets(server.pid) }
}

export async function metric(server: Server, name: string): Promise<number> {
  const text = await (await fetch(`${server.web}/metrics`)).text()
  const line = text.split('\n').find(line => line.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
}

function timesCollected(server: Server): number {
  return server.stderr.split(COLLECTED).length
}

function residentOctets(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

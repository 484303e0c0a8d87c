/** What servers hold of a zone, in a form that can be compared. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { ask } from '../ask.ts'

/** What dig is to sign or ask with beside the zone: `-y` and a key, or `-b` and an address. */
export type DigOptions = readonly string[]

/** All records of a zone as a server transfers them, each once, sorted; none if it does not. */
export async function dumpZone(
  { address, port }: Endpoint,
  zone: string,
  options: DigOptions,
): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(
    'dig',
    [`@${address}`, '-p', String(port), ...options, '+time=5', '+tries=1', zone, 'AXFR'],
    { maxBuffer: 64 << 20 },
  ).catch((error: unknown) => error as { stdout: string })
  return recordLines(stdout)
}

/** The lines of records in a text, each once, white space as one and in lower case, sorted. */
export function recordLines(text: string): readonly string[] {
  const lines = text
    .split('\n')
    .filter(line => /^[^;\s]\S*\s+\d+\s+IN\s/.test(line))
    .map(line => line.replaceAll(/\s+/g, ' ').trim().toLowerCase())
  return [...new Set(lines)].sort()
}

export async function serialAt(server: Endpoint, zone: string): Promise<number | undefined> {
  const { reply } = await ask(server, zone.slice(0, -1), 'SOA', { timeout: 1000 })
  const [soa] = reply.answers ?? []
  return soa?.type === 'SOA' ? soa.data.serial : undefined
}

import type { Host } from './narrator.ts'
import { must } from './script-client.ts'

/** Gives a client's host another address in place of all that it has, and lets the broker forget who had which. */
export function renumber(host: Host, ipv4: string): void {
  must('ip', '-n', host, 'address', 'flush', 'dev', 'eth0')
  must('ip', '-n', host, 'address', 'add', `${ipv4}/24`, 'dev', 'eth0')
  must('ip', '-n', 'broker', 'neigh', 'flush', 'dev', 'eth0')
}

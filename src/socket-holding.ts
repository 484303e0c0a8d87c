import type { Config } from './config/config.ts'
import type { Predecessor } from './handover/predecessor.ts'
import { HeldSockets } from './listen/held-sockets.ts'
import type { Libc } from './listen/libc.ts'
import { passedByManager } from './listen/passed-sockets.ts'
import { PATIENCE_MS } from './listen/threads/thread-orders.ts'

/**
 * Takes the sockets that were passed and opens the others, before any table is loaded: queries and connections wait in
 * them, and there is room for as many as come before whoever answers is quick. Without the system calls for that each is opened by whoever answers. Throws a ListenFault.
 */
export function holdSockets(
  config: Config,
  { libc, predecessor }: { readonly libc: Libc | undefined; readonly predecessor: Predecessor | undefined },
): { readonly sockets: HeldSockets | undefined; readonly mistakes: readonly string[] } {
  if (libc === undefined) return { sockets: undefined, mistakes: withoutCalls(process.env) }
  const { dns, web } = config
  const passed = passedByManager(libc, process.env, process.pid)
  for (const { fd } of predecessor?.sockets ?? []) libc.setCloseOnExec(fd)
  const sockets = new HeldSockets(libc, predecessor?.sockets ?? passed.sockets)
  const wanted = {
    // In the demo alone a missing [::1] is a warning: containers often have none.
    dns: dns.listen.map(endpoint => ({
      ...endpoint,
      optional: config.demo && endpoint.address === '::1',
    })),
    tls: dns.tls.listen,
    web: web.listen,
  }
  // A configuration may have changed since a predecessor opened its own; what a service manager passes is asked for.
  const unwanted = predecessor === undefined ? sockets.unwanted(wanted) : []
  const mistakes = [
    ...passed.mistakes,
    ...unwanted.map(
      socket =>
        `the service manager has passed ${socket}, which is none of dns.listen, dns.tls.listen and web.listen: take it out of the socket unit, or name it there`,
    ),
  ]
  if (mistakes.length === 0) {
    sockets.holdAhead({ ...wanted, udp: { count: dns.threads, patienceMs: PATIENCE_MS, isAhead: false } })
    sockets.widen()
  }
  return { sockets, mistakes }
}

function withoutCalls({ LISTEN_PID }: NodeJS.ProcessEnv): readonly string[] {
  if (LISTEN_PID !== String(process.pid)) return []
  return [
    'the service manager has passed sockets, and the system calls to take them are missing: install koffi',
  ]
}

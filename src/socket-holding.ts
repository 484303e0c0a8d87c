import type { Config } from './config/config.ts'
import type { Predecessor } from './handover/predecessor.ts'
import { HeldSockets } from './listen/held-sockets.ts'
import type { Libc } from './listen/libc.ts'
import { passedByManager } from './listen/passed-sockets.ts'
import { PATIENCE_MS } from './listen/threads/thread-orders.ts'
import { type Endpoint, formatEndpoint } from './shared/endpoint.ts'

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
  return { sockets, mistakes: [...mistakes, ...lostListeners(config, { sockets, predecessor })] }
}

/**
 * What the process before is heard on, and this one would be on addresses alone that this machine does not have. A first start
 * waits for them; who restarts has most likely misspelt one.
 */
function lostListeners(
  { dns, web }: Config,
  { sockets, predecessor }: { readonly sockets: HeldSockets; readonly predecessor: Predecessor | undefined },
): readonly string[] {
  const before = new Set(predecessor?.sockets.map(({ role }) => role))
  const absent = new Set(sockets.absent.map(formatEndpoint)) // what was passed is not among them
  const lost = (key: string, role: 'web' | 'tls', endpoints: readonly Endpoint[]) => {
    const texts = endpoints.map(formatEndpoint)
    const wasHeard = before.has(role) || before.has('stream') // a service manager does not say for what it is
    if (!wasHeard || texts.length === 0 || !texts.every(text => absent.has(text))) return []
    return [
      `${key} = "${texts.join('", "')}": this machine does not have the address; to wait for it stop freenet6 and start it`,
    ]
  }
  return [...lost('web.listen', 'web', [web.listen]), ...lost('dns.tls.listen', 'tls', dns.tls.listen)]
}

function withoutCalls({ LISTEN_PID }: NodeJS.ProcessEnv): readonly string[] {
  if (LISTEN_PID !== String(process.pid)) return []
  return [
    'the service manager has passed sockets, and the system calls to take them are missing: install koffi',
  ]
}

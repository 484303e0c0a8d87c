import type { PassedSocket } from './held-sockets.ts'
import type { Libc } from './libc.ts'

/** The first descriptor that a service manager passes (sd_listen_fds(3)). */
const FIRST = 3

/** What a service manager sets for the process that it passes sockets to. */
export interface PassingEnvironment {
  LISTEN_PID?: string | undefined
  LISTEN_FDS?: string | undefined
  LISTEN_FDNAMES?: string | undefined
}

/**
 * The sockets that a service manager has opened for this process, as sd_listen_fds(3) has it; none if it has opened
 * them for another. Takes the variables out of the environment, so that no child believes that they are for it. A
 * descriptor that is no listening socket is a sentence among `mistakes`.
 */
export function passedByManager(
  libc: Pick<Libc, 'setCloseOnExec' | 'socketKind'>,
  environment: PassingEnvironment,
  pid: number,
): { readonly sockets: readonly PassedSocket[]; readonly mistakes: readonly string[] } {
  const { LISTEN_PID, LISTEN_FDS = '', LISTEN_FDNAMES = '' } = environment
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'] as const) delete environment[name]
  if (LISTEN_PID !== String(pid) || !/^[0-9]{1,4}$/.test(LISTEN_FDS)) return { sockets: [], mistakes: [] }
  const names = LISTEN_FDNAMES.split(':')
  const sockets: PassedSocket[] = []
  const mistakes: string[] = []
  for (let at = 0; at < Number(LISTEN_FDS); at++) {
    const fd = FIRST + at
    const name = names[at] ?? ''
    libc.setCloseOnExec(fd)
    const kind = libc.socketKind(fd)
    if (kind === undefined)
      mistakes.push(`the service manager has passed a descriptor (${name || fd}) that is no listening socket`)
    else sockets.push({ fd, role: kind === 'datagrams' ? 'udp' : 'stream', asked: undefined, name })
  }
  return { sockets, mistakes }
}

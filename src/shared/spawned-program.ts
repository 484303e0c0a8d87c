/**
 * Programs started by posix_spawn(3): until the new process has become the program it borrows this one's memory, where
 * fork(2) first copies the tables of it all.
 */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { ChildEnds } from './child-ends.ts'
import { ChildPipes } from './child-pipes.ts'
import type { Program, ProgramOptions, Start } from './program.ts'

/** Of a structure of libc's whose size is its own affair. */
type Structure = Buffer

interface Calls {
  readonly spawn: (
    pids: number[],
    path: string,
    actions: Structure,
    attributes: Structure,
    args: readonly (string | null)[],
    environment: readonly (string | null)[],
  ) => number
  readonly initActions: (actions: Structure) => number
  readonly addDuplicate: (actions: Structure, fd: number, as: number) => number
  readonly addOpen: (actions: Structure, fd: number, path: string, flags: number, mode: number) => number
  readonly destroyActions: (actions: Structure) => number
  readonly pipe: (fds: number[], flags: number) => number
  readonly waitpid: (pid: number, status: number[], options: number) => number
  readonly lastError: () => number
  readonly errorName: (errno: number) => string
}

/** Much more than the 80 octets of posix_spawn_file_actions_t and the 336 of posix_spawnattr_t. */
const STRUCTURE_LENGTH = 1024
const SIGNAL_SET_LENGTH = 128
const SETSIGDEF = 0x04
const SETSIGMASK = 0x08
const SETSID = 0x80
const O_RDWR = 2
const O_CLOEXEC = 0o2000000

/** Undefined if koffi can't be loaded, or the system is another than Linux. */
export async function openSpawner(): Promise<Start | undefined> {
  if (process.platform !== 'linux') return undefined
  try {
    const koffi = (await import('koffi')).default
    const calls = bind(koffi)
    const attributes = spawnAttributes(koffi)
    const ends = new ChildEnds(calls.waitpid)
    return async (command, options) => start(command, options, { calls, attributes, ends })
  } catch {
    return undefined
  }
}

function start(
  command: string,
  { args, environment, pipes: wanted }: ProgramOptions,
  {
    calls,
    attributes,
    ends,
  }: { readonly calls: Calls; readonly attributes: Structure; readonly ends: ChildEnds },
): Program {
  const path = pathOf(command, environment.PATH ?? '')
  const pipes = new ChildPipes(wanted, () => openPipe(calls, command))
  const actions = Buffer.alloc(STRUCTURE_LENGTH)
  calls.initActions(actions)
  try {
    for (const [fd, theirs] of pipes.theirs.entries())
      if (theirs === undefined) calls.addOpen(actions, fd, '/dev/null', O_RDWR, 0)
      else calls.addDuplicate(actions, theirs, fd)
    const pids = [0]
    const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    const errno = calls.spawn(pids, path, actions, attributes, [command, ...args, null], [...words, null])
    if (errno !== 0) throw startFault(command, calls.errorName(errno))
    const [pid = 0] = pids
    const [stdin, stdout, stderr] = pipes.open()
    return { pid, stdin, stdout, stderr, ended: ends.of(pid), letGo: () => ends.letGo(pid) }
  } catch (error) {
    pipes.close()
    throw error
  } finally {
    calls.destroyActions(actions)
  }
}

function openPipe(calls: Calls, command: string): readonly [from: number, to: number] {
  const fds = [0, 0]
  if (calls.pipe(fds, O_CLOEXEC) !== 0) throw startFault(command, calls.errorName(calls.lastError()))
  const [from = 0, to = 0] = fds
  return [from, to]
}

/** posix_spawnp(3) would look in the PATH of this process, which is not that of the program. */
function pathOf(command: string, path: string): string {
  if (command.includes('/')) return command
  const found = path
    .split(':')
    .map(directory => join(directory, command))
    .find(isProgram)
  if (found === undefined) throw startFault(command, 'ENOENT')
  return found
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function startFault(command: string, code: string): Error {
  return Object.assign(new Error(`spawn ${command} ${code}`), { code })
}

/** A session of its own, no signal blocked, and those that Node ignores as they are for others. */
function spawnAttributes(koffi: typeof import('koffi').default): Structure {
  const libc = koffi.load(null)
  const attributes = Buffer.alloc(STRUCTURE_LENGTH)
  libc.func('int posix_spawnattr_init(void *attributes)')(attributes)
  libc.func('int posix_spawnattr_setflags(void *attributes, short flags)')(
    attributes,
    SETSIGDEF | SETSIGMASK | SETSID,
  )
  const all = Buffer.alloc(SIGNAL_SET_LENGTH, 0xff)
  libc.func('int posix_spawnattr_setsigdefault(void *attributes, const void *set)')(attributes, all)
  return attributes
}

function bind(koffi: typeof import('koffi').default): Calls {
  const libc = koffi.load(null) // the process itself: any libc that Node is linked with
  const names = new Map(Object.entries(koffi.os.errno).map(([name, errno]) => [errno, name]))
  return {
    spawn: libc.func(
      'int posix_spawn(_Out_ int *pid, const char *path, void *actions, void *attributes, const char **args, const char **environment)',
    ),
    initActions: libc.func('int posix_spawn_file_actions_init(void *actions)'),
    addDuplicate: libc.func('int posix_spawn_file_actions_adddup2(void *actions, int fd, int as)'),
    addOpen: libc.func(
      'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint32_t mode)',
    ),
    destroyActions: libc.func('int posix_spawn_file_actions_destroy(void *actions)'),
    pipe: libc.func('int pipe2(_Out_ int *fds, int flags)'),
    waitpid: libc.func('int waitpid(int pid, _Out_ int *status, int options)'),
    lastError: () => koffi.errno(),
    errorName: errno => names.get(errno) ?? `E${errno}`,
  }
}

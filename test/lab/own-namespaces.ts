import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cannot } from '../packages.ts'

/** Each program of a suite ends with it: it would outlive it. */
const NAMESPACES = ['-mnpf', '--propagation', 'private', '--kill-child', '--mount-proc']
/** A network and a /run of its own, so that its namespaces, interfaces and sockets are nobody else's. */
const ON_THE_HOST = 'mount -t tmpfs run /run && mkdir -p /run/netns /run/lock && exec "$@"'

/** Why no suite can be run on this machine in namespaces of its own; undefined if one can. */
export function missingNamespaces(): string | undefined {
  const canUnshare = spawnSync('unshare', ['-mn', 'true']).status === 0 && existsSync('/dev/net/tun')
  return canUnshare ? undefined : cannot('it takes root and /dev/net/tun')
}

/** Runs a Node program in namespaces of its own. */
export function runInNamespaces(args: readonly string[]): SpawnSyncReturns<string> {
  const command = ['sh', '-c', ON_THE_HOST, 'sh', process.execPath, ...args]
  const env = { ...process.env, NODE_TEST_CONTEXT: '' } // it reports for itself
  return spawnSync('unshare', [...NAMESPACES, ...command], { encoding: 'utf8', env })
}

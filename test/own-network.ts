import { execFileSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { cannot, missingPackages } from './packages.ts'

const CLONE_NEWNET = 0x4000_0000 // linux/sched.h
const NONLOCAL_BIND = '/proc/sys/net/ipv4/ip_nonlocal_bind'

/**
 * Moves this thread, and all that it starts from now on, into a network of its own: nothing but loopback, every port
 * free, gone with the last process in it. Sockets of Node's main thread are made there. Undefined where that is done,
 * else why it can not be; throws where CI=true.
 */
export async function enterOwnNetwork(): Promise<string | undefined> {
  const missing = (await missingPackages(['ip'])) ?? (await unshareNetwork())
  if (missing === undefined) execFileSync('ip', ['link', 'set', 'lo', 'up'])
  else cannot(missing)
  return missing
}

/** Gives loopback an address that is nobody's in this network. */
export function addAddress(address: string): void {
  execFileSync('ip', ['address', 'add', `${address}/32`, 'dev', 'lo'])
}

/** A UDP socket of another program's on an address that is not there yet: when it comes, its port is taken. */
export async function takeAhead(address: string, port: number): Promise<Socket> {
  const socket = createSocket('udp4')
  writeFileSync(NONLOCAL_BIND, '1')
  try {
    socket.bind({ address, port, exclusive: true })
    await once(socket, 'listening')
  } finally {
    writeFileSync(NONLOCAL_BIND, '0')
  }
  return socket
}

async function unshareNetwork(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'network namespaces are Linux only'
  try {
    const koffi = (await import('koffi')).default
    const unshare = koffi.load(null).func('int unshare(int flags)')
    return unshare(CLONE_NEWNET) === 0 ? undefined : 'a network of our own takes root: run the tests as root'
  } catch {
    return 'koffi can not be loaded: npm ci'
  }
}

import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** Debian's package for each command, or file by its whole path, that a suite may need. */
const PACKAGES = {
  '/usr/bin/python3': 'python3-minimal',
  '/usr/include/stdlib.h': 'libc6-dev',
  '/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql': 'pdns-backend-sqlite3',
  '/usr/src/linux-source-6.1.tar.xz': 'linux-source-6.1',
  bc: 'bc',
  bison: 'bison',
  busybox: 'busybox',
  caddy: 'caddy',
  chromium: 'chromium',
  curl: 'curl',
  ddclient: 'ddclient',
  depmod: 'kmod',
  dig: 'bind9-dnsutils',
  dnsmasq: 'dnsmasq-base',
  dnsperf: 'dnsperf',
  faketime: 'faketime',
  flex: 'flex',
  fping: 'fping',
  gcc: 'gcc',
  ifup: 'ifupdown',
  inadyn: 'inadyn',
  ip: 'iproute2',
  ip6tables: 'iptables',
  kdig: 'knot-dnsutils',
  knotd: 'knot',
  kresd: 'knot-resolver',
  kzonecheck: 'knot-dnssecutils',
  'ldns-read-zone': 'ldnsutils',
  make: 'make',
  modprobe: 'kmod',
  named: 'bind9',
  'named-compilezone': 'bind9-utils',
  netplan: 'netplan.io',
  nft: 'nftables',
  nginx: 'nginx-light',
  nmcli: 'network-manager',
  nsd: 'nsd',
  'nsd-checkzone': 'nsd',
  openssl: 'openssl',
  patch: 'patch',
  ping: 'iputils-ping',
  ping6: 'iputils-ping',
  pdns_server: 'pdns-server',
  promtool: 'prometheus',
  setpriv: 'util-linux',
  shellcheck: 'shellcheck',
  sqlite3: 'sqlite3',
  sysctl: 'procps',
  'systemd-analyze': 'systemd',
  unbound: 'unbound',
  wg: 'wireguard-tools',
  radvd: 'radvd',
  zbarimg: 'zbar-tools',
  'wireguard-go': 'wireguard-go',
  xz: 'xz-utils',
  yadifad: 'yadifa',
} as const satisfies Readonly<Record<string, string>>

export type Command = keyof typeof PACKAGES

const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin']
const LOCK_FILE = join(tmpdir(), 'freenet6-apt.lock')
const LOCK_TIMEOUT_MS = 300_000
const INSTALL_TIMEOUT_MS = 600_000
const POLICY_FILE = '/usr/sbin/policy-rc.d'

/**
 * Makes sure that the commands are there. Root on Debian gets the missing ones installed; else the test is skipped
 * and says what to install, or fails where CI=true. Returns whether the test can go on.
 */
export async function requirePackages(t: TestContext, commands: readonly Command[]): Promise<boolean> {
  const missing = await missingPackages(commands)
  if (missing !== undefined) t.skip(missing)
  return missing === undefined
}

/**
 * The same for the `skip` option of a test or suite: undefined where all commands are there, else what is missing and
 * how to install it. Throws where CI=true.
 */
export async function missingPackages(commands: readonly Command[]): Promise<string | undefined> {
  reachSystemDirectories()
  if (commands.every(isThere)) return undefined
  const trouble = await install(commands)
  const missing = commands.filter(command => !isThere(command))
  if (missing.length === 0) return undefined
  const advice = `apt-get install ${packagesOf(missing).join(' ')}`
  return cannot(`${missing.join(', ')} missing: ${advice}${trouble === undefined ? '' : ` (${trouble})`}`)
}

/** Why a test can't run here, for its `skip`. Throws it where CI=true: there a skipped test is a failure. */
export function cannot(reason: string): string {
  if (process.env.CI === 'true') throw new Error(reason)
  return reason
}

function packagesOf(commands: readonly Command[]): string[] {
  return [...new Set(commands.map(command => PACKAGES[command]))]
}

/** An ordinary user's PATH leaves out where `ip`, `modprobe` and the daemons are. */
function reachSystemDirectories(): void {
  const path = (process.env.PATH ?? '').split(':')
  process.env.PATH = [...path, ...SYSTEM_DIRECTORIES.filter(directory => !path.includes(directory))].join(':')
}

function isThere(command: Command): boolean {
  if (command.startsWith('/')) return existsSync(command)
  return (process.env.PATH ?? '').split(':').some(directory => isExecutable(join(directory, command)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Installs what is missing, one test file at a time. Returns what stood in the way. */
async function install(commands: readonly Command[]): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'not root'
  if (!existsSync('/usr/bin/apt-get')) return 'no apt-get here'
  try {
    await lock()
    try {
      const missing = commands.filter(command => !isThere(command)) // another file may have installed them meanwhile
      if (missing.length > 0) await withoutDaemons(() => aptInstall(packagesOf(missing)))
    } finally {
      rmSync(LOCK_FILE, { force: true })
    }
    return undefined
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  }
}

async function lock(): Promise<void> {
  const deadline = Date.now() + LOCK_TIMEOUT_MS
  while (!takeLock()) {
    if (Date.now() > deadline) throw new Error(`${LOCK_FILE} is held by another process`)
    await sleep(200)
  }
}

function takeLock(): boolean {
  try {
    writeFileSync(LOCK_FILE, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    if (!isHolderAlive()) rmSync(LOCK_FILE, { force: true })
    return false
  }
}

function isHolderAlive(): boolean {
  try {
    const pid = Number(readFileSync(LOCK_FILE, 'utf8'))
    if (pid > 0) process.kill(pid, 0)
    return true // an empty file: its writer is about to fill it
  } catch {
    return false
  }
}

/** A package that brings a daemon would start it: policy-rc.d with status 101 forbids that (Debian policy 9.3.3). */
async function withoutDaemons(action: () => Promise<void>): Promise<void> {
  const isOurs = !existsSync(POLICY_FILE)
  if (isOurs) writeFileSync(POLICY_FILE, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await action()
  } finally {
    if (isOurs) rmSync(POLICY_FILE, { force: true })
  }
}

async function aptInstall(packages: readonly string[]): Promise<void> {
  const options = ['-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300']
  try {
    await aptGet(['install', ...options, ...packages])
  } catch {
    await aptGet(['update', ...options.slice(2)]) // the lists may be absent or out of date
    await aptGet(['install', ...options, ...packages])
  }
}

async function aptGet(args: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  await promisify(execFile)('apt-get', ['-q', ...args], {
    env,
    timeout: INSTALL_TIMEOUT_MS,
    maxBuffer: 64 << 20,
  })
}

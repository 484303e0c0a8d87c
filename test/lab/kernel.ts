import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { type Command, missingPackages } from '../packages.ts'

const BUILD_KERNEL = join(import.meta.dirname, 'build-kernel')

/** What the lab's guest and its stories need. */
const GUEST_COMMANDS: readonly Command[] = [
  'modprobe',
  'ip',
  'nft',
  'ping',
  'fping',
  'dig',
  'sqlite3',
  'curl',
  'ifup',
  'netplan',
  'busybox',
  '/usr/bin/python3',
]

/** What `build-kernel` needs. */
const BUILD_COMMANDS: readonly Command[] = [
  'make',
  'gcc',
  '/usr/include/stdlib.h',
  'flex',
  'bison',
  'bc',
  'patch',
  'xz',
  'depmod',
]
/** And where the source of a faster kernel can't be had. */
const USUAL_SOURCE = '/usr/src/linux-source-6.1.tar.xz'
const PACKAGE_MISSING = 127

/**
 * Makes sure that a guest can be run: installs what is missing and builds the kernel, where that can be done. For the
 * `skip` option of a suite: undefined if all is there, else what is missing. Throws where CI=true.
 */
export async function missingGuest(): Promise<string | undefined> {
  return (await missingPackages(GUEST_COMMANDS)) ?? (await missingKernel())
}

async function missingKernel(): Promise<string | undefined> {
  if ((await runBuildKernel(['--find'])).status === 0) return undefined
  const missing = await missingPackages(BUILD_COMMANDS)
  if (missing !== undefined) return missing
  const { status, stderr } = await builtKernel()
  if (status === 0) return undefined
  if (process.env.CI === 'true') throw new Error(stderr)
  return stderr
}

async function builtKernel(): Promise<{ status: number | null; stderr: string }> {
  const first = await runBuildKernel([])
  if (first.status !== PACKAGE_MISSING || (await missingPackages([USUAL_SOURCE])) !== undefined) return first
  return runBuildKernel([])
}

function runBuildKernel(args: readonly string[]): Promise<{ status: number | null; stderr: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | null; stderr: string }>()
  const child = spawn(BUILD_KERNEL, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  child.on('error', reject)
  child.on('close', status => resolve({ status, stderr: stderr.trim() }))
  return promise
}

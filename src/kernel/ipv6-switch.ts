import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LinkFault } from '../tunnel/interface.ts'

const SETTINGS = '/proc/sys/net/ipv6/conf'

/** Whether somebody has turned IPv6 off for a device, which takes all its routes and lets no other in. */
export async function isIpv6Off(device: string, settings = SETTINGS): Promise<boolean> {
  try {
    return (await readFile(switchOf(device, settings), 'utf8')).trim() === '1'
  } catch {
    return false // a device that is not there, or a kernel that does not say
  }
}

/** Returns why it could not be turned on. */
export async function turnIpv6On(device: string, settings = SETTINGS): Promise<LinkFault | undefined> {
  try {
    await writeFile(switchOf(device, settings), '0\n')
    return undefined
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { device, reason: `IPv6 is off on ${device}: ${reason}` }
  }
}

function switchOf(device: string, settings: string): string {
  return join(settings, device, 'disable_ipv6')
}

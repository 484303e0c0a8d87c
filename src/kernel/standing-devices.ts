import type { RunIp } from './ip-command.ts'
import { fieldsOf, parseArray } from './ip-json.ts'

/** Whether there is a device of such a name, of whatever kind; true as well if nobody can tell. */
export async function mayStand(run: RunIp, isOurs: (device: string) => boolean): Promise<boolean> {
  const { status, stdout } = await run(['-json', 'link', 'show'])
  const links = status === 0 ? parseArray(stdout) : undefined
  return links?.some(link => isOurs(String(fieldsOf(link).ifname))) ?? true
}

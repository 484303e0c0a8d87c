import { chmodSync, statSync } from 'node:fs'

/** Takes a file's rights away from all but its owner: a copy that was brought back may be for all to read. Throws what the system says. */
export function closeToOthers(file: string): void {
  if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600)
}

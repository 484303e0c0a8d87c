import { type FileHandle, open, rename, rm } from 'node:fs/promises'

/** Only its owner may read it, as the database. */
const MODE = 0o600

/**
 * Writes a file in place of what it was, in one step: a crash leaves either. Rejects with what `write` or the disk had
 * against it; the old file stands then.
 */
export async function replaceFile(
  file: string,
  write: (handle: FileHandle) => Promise<unknown>,
): Promise<void> {
  const unfinished = `${file}.new`
  try {
    const handle = await open(unfinished, 'w', MODE)
    try {
      await write(handle)
      await handle.datasync()
    } finally {
      await handle.close()
    }
    await rename(unfinished, file)
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined)
    throw error
  }
}

/**
 * Puts a file that can't be taken, or not be read, aside, in place of the last such one: what is written in its place is
 * not written over it. Returns where it lies; never rejects: one that can't be moved lies where it was.
 */
export async function putAside(file: string): Promise<string> {
  const aside = `${file}.not-taken`
  return rename(file, aside).then(
    () => aside,
    () => file,
  )
}

/** Whether an error says that there is no such file. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'

/** A file that the system keeps from this process, and whose it is: itself, or the directory that it would be in. */
export interface Denial {
  readonly path: string
  /** Whether nothing stands there yet: this process may not make it. */
  readonly isAbsent: boolean
  /** Names of users, as the shell takes them. */
  readonly user: string
  readonly owner: string
}

/** The file that an error is about which the system did not let this process open; undefined: it is about something else. */
export function denialIn(error: unknown): Denial | undefined {
  if (!(error instanceof Error)) return undefined
  const path = isDenied(error) ? pathIn(error) : undefined
  return path === undefined ? denialIn(error.cause) : denialOf(path)
}

/** The first of some files that is there and that this process may not both read and write. */
export function deniedAmong(paths: readonly string[]): Denial | undefined {
  for (const path of paths) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK)
    } catch (error) {
      const denial = denialIn(error)
      if (denial !== undefined) return denial
    }
  }
  return undefined
}

/** Whether something stands at a path, as far as this process may look: whoever opens what it may not look at is told so. */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    return isDenied(error)
  }
}

function isDenied(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'EACCES'
}

/** Of a file, or of a socket, whose path is its address; that of the Internet is none, nor is a program's name. */
function pathIn(error: object): string | undefined {
  const { path, address = path } = error as { readonly path?: unknown; readonly address?: unknown }
  return typeof address === 'string' && isAbsolute(address) ? address : undefined
}

/** What can't be looked at lies in a directory that keeps it from us, and belongs to whom that belongs to. */
function denialOf(path: string): Denial {
  let uid: number | undefined
  for (let seen = path; uid === undefined; seen = dirname(seen)) uid = ownerOf(seen)
  return { path, isAbsent: !isThere(path), user: nameOf(process.geteuid?.() ?? 0), owner: nameOf(uid) }
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return path === dirname(path) ? 0 : undefined
  }
}

function nameOf(uid: number): string {
  try {
    const users = readFileSync('/etc/passwd', 'utf8').split('\n')
    const user = users.map(line => line.split(':')).find(([, , number]) => number === String(uid))
    return user?.[0] ?? `'#${uid}'`
  } catch {
    return `'#${uid}'`
  }
}

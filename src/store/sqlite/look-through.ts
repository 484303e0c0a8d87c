import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { storageFaultOf } from '../storage-fault.ts'
import type { FileVerdict } from './file-verdict.ts'

const PIECE = 1024 * 1024

/**
 * Reads a database and its log to their ends, then lets SQLite go through its pages. SQLite alone can't tell the two apart:
 * of a page that the disk does not give (EIO) it says 'malformed', as of one that is wrong. Not for a process that has the
 * database open: the end of a read would take its locks away (sqlite.org/howtocorrupt.html 2.2).
 */
export async function lookThrough(
  file: string,
  { isWhole }: { readonly isWhole: boolean },
): Promise<FileVerdict> {
  const unread = await whatCantBeRead(file)
  if (unread !== undefined) return { kind: 'unreadable', reason: unread }
  const verdict = askSqlite(file, isWhole ? 'integrity_check' : 'quick_check')
  if (verdict.kind !== 'damaged') return verdict
  const since = await whatCantBeRead(file) // the disk may have failed only then
  return since === undefined ? verdict : { kind: 'unreadable', reason: since }
}

async function whatCantBeRead(file: string): Promise<string | undefined> {
  try {
    await readToTheEnd(file)
    if (existsSync(`${file}-wal`)) await readToTheEnd(`${file}-wal`)
    return undefined
  } catch (error) {
    return wordsOf(error)
  }
}

async function readToTheEnd(file: string): Promise<void> {
  const handle = await open(file)
  try {
    const piece = Buffer.alloc(PIECE)
    for (let at = 0; ; at += piece.length) {
      const { bytesRead } = await handle.read(piece, 0, piece.length, at)
      if (bytesRead < piece.length) return
    }
  } finally {
    await handle.close()
  }
}

function askSqlite(file: string, check: 'integrity_check' | 'quick_check'): FileVerdict {
  try {
    const connection = new DatabaseSync(file, { readOnly: true })
    try {
      const finding = connection.prepare(`PRAGMA ${check}(1)`).get()?.[check]
      return finding === 'ok' ? { kind: 'sound' } : { kind: 'damaged', reason: inOneLine(String(finding)) }
    } finally {
      connection.close()
    }
  } catch (error) {
    const kind = storageFaultOf(error) === 'corrupt' ? 'damaged' : 'unreadable'
    return { kind, reason: wordsOf(error) }
  }
}

function inOneLine(finding: string): string {
  return finding.replace(/^\*\*\* in database \w+ \*\*\*\s*/, '').replace(/\s+/g, ' ')
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

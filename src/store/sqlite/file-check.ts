import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runChild } from '../../shared/child.ts'
import type { FileVerdict } from './file-verdict.ts'

const PROGRAM = new URL(`./look-through-program${extname(import.meta.filename)}`, import.meta.url)
/** A disk that dies may take half a minute for each sector. */
const DEADLINE_MS = 600_000

/**
 * Has another process look through a database, as this one may have it open; `isWhole`: its indexes too, which takes several
 * times as long. Never rejects.
 */
export async function checkFile(
  file: string,
  { signal, isWhole = false }: { readonly signal?: AbortSignal; readonly isWhole?: boolean },
): Promise<FileVerdict> {
  try {
    const args = ['--no-warnings', fileURLToPath(PROGRAM), file, ...(isWhole ? ['whole'] : [])]
    const { end, stdout, stderr } = await runChild(process.execPath, args, {
      deadlineMs: DEADLINE_MS,
      ...(signal === undefined ? {} : { signal }),
    })
    return verdictIn(stdout) ?? unreadable(end === 'exit' ? stderr.trim() : `no answer (${end})`)
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : String(error))
  }
}

function verdictIn(text: string): FileVerdict | undefined {
  try {
    return JSON.parse(text) as FileVerdict
  } catch {
    return undefined
  }
}

function unreadable(reason: string): FileVerdict {
  return { kind: 'unreadable', reason }
}

/**
 * A file that several commands write: each owns the lines between its two marks, and leaves all others, those of other
 * commands and what was written by hand.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Puts `part` in the place of what `owner` has written before, or at the end of the file. Throws for a mark without its pair. */
export function writePart(file: string, owner: string, part: string): void {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  writeFileSync(file, withPart(text, owner, part))
}

/** `text` with `part` in the place of the owner's. Throws for a mark without its pair. */
export function withPart(text: string, owner: string, part: string): string {
  const [begin, end] = [`<!-- written by ${owner} -->`, `<!-- end of ${owner} -->`]
  const owned = `${begin}\n${part.trim()}\n${end}\n`
  const [before = '', ...afterBegin] = text.split(`${begin}\n`)
  const [, ...afterEnd] = text.split(`${end}\n`)
  if (afterBegin.length === 0 && afterEnd.length === 0)
    return text === '' ? owned : `${text.trimEnd()}\n\n${owned}`
  const [rest] = afterEnd
  if (
    afterBegin.length !== 1 ||
    afterEnd.length !== 1 ||
    rest === undefined ||
    !afterBegin[0]?.includes(`${end}\n`)
  )
    throw new Error(
      `the marks of ${owner} are not a pair: what is its part can't be told, nothing is written`,
    )
  return `${before}${owned}${rest}`
}

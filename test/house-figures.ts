/**
 * Prints how large the files and functions of each room are, as a Markdown table for ARCHITECTURE:
 *
 *     node test/house-figures.ts
 *
 * The code is formatted, so a function ends at the first line that closes it with the indentation of its first.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const SOURCE = join(import.meta.dirname, '..', 'src')
const STARTS =
  /^(\s*)(?:export )?(?:default )?(?:static )?(?:async )?(?:function\*? \w+|\*?#?\w+\(|get \w+\(|set \w+\(|constructor\(|(?:readonly )?#?\w+ = (?:async )?(?:\([^)]*\)|\w+)(?:: [^=]+)? => \{$)/
const NOT_A_FUNCTION = /^\s*(?:if|for|while|switch|return|throw|catch|super|await|new)\b/

interface Figures {
  readonly files: number[]
  readonly functions: number[]
}

/** Lines of each function of a formatted file, its signature and its closing brace among them. */
function functionLengths(lines: readonly string[]): number[] {
  const lengths: number[] = []
  for (const [at, line] of lines.entries()) {
    const indentation = STARTS.exec(line)?.[1]
    if (indentation === undefined || NOT_A_FUNCTION.test(line)) continue
    const end = lines.findIndex((other, i) => i >= at && closes(other, indentation))
    if (end > at) lengths.push(end - at + 1)
  }
  return lengths
}

function closes(line: string, indentation: string): boolean {
  return line === `${indentation}}` || line === `${indentation}},` || line === `${indentation}})`
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

function measure(): Map<string, Figures> {
  const rooms = new Map<string, Figures>()
  for (const file of readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!file.endsWith('.ts')) continue
    const room = file.includes('/') ? (file.split('/')[0] ?? '') : 'rim'
    const lines = readFileSync(join(SOURCE, file), 'utf8').trimEnd().split('\n')
    const figures = rooms.get(room) ?? { files: [], functions: [] }
    figures.files.push(lines.length)
    figures.functions.push(...functionLengths(lines))
    rooms.set(room, figures)
  }
  return rooms
}

function row(name: string, { files, functions }: Figures): string {
  const cells = [
    files.length,
    files.reduce((sum, lines) => sum + lines, 0),
    quantile(files, 0.5),
    quantile(files, 0.9),
    functions.length,
    quantile(functions, 0.5),
    quantile(functions, 0.9),
  ]
  return `| ${name} | ${cells.join(' | ')} |`
}

const rooms = measure()
const all = [...rooms.values()]
const whole: Figures = {
  files: all.flatMap(room => room.files),
  functions: all.flatMap(room => room.functions),
}
const head = ['room', 'files', 'lines', 'median', 'p90', 'functions', 'median', 'p90']
const lines = [
  `| ${head.join(' | ')} |`,
  `|${'---|'.repeat(head.length)}`,
  ...Array.from(rooms, ([name, figures]) => row(`\`${name}\``, figures)),
  row('all', whole),
]
process.stdout.write(`${lines.join('\n')}\n`)

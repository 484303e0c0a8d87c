/** Writes columns as wide as their widest cell, two spaces between; the last one is not padded. */
export function textTable(texts: readonly (readonly string[])[]): string {
  const rows = texts.map(row => row.map(onOneLine))
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  return rows
    .map(
      row =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

/** A note is anybody's text: no character of it begins a line or moves the cursor. */
function onOneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, character =>
    character < ' ' ? JSON.stringify(character).slice(1, -1) : `\\u00${character.charCodeAt(0).toString(16)}`,
  )
}

/** Writes one line a field, and one for each field of a field; fields that are absent are left out. */
export function fieldLines(value: Readonly<Record<string, unknown>>): string {
  return Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) =>
      isFields(field) ? innerLines(name, field) : `${name}: ${onOneLine(String(field))}\n`,
    )
    .join('')
}

function isFields(field: unknown): field is Readonly<Record<string, unknown>> {
  return typeof field === 'object' && field !== null && !Array.isArray(field)
}

function innerLines(name: string, fields: Readonly<Record<string, unknown>>): string {
  return fieldLines(
    Object.fromEntries(Object.entries(fields).map(([own, field]) => [`${name}.${own}`, field])),
  )
}

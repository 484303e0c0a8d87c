/** A table; columns after the first are numbers and stand on the right. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'))
  return [head, rule, ...rows].map(cells => `| ${cells.join(' | ')} |\n`).join('')
}

/** A number with so many decimals and its thousands apart; a dash where there is none. */
export function figure(value: number | undefined, decimals = 0): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  return value.toLocaleString('en-GB', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

/** A factor such as `0.85 ×`. */
export function factor(value: number): string {
  return Number.isFinite(value) ? `${figure(value, 2)} ×` : '–'
}

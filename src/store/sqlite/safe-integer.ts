/** The last that a Date can be, in UTC seconds: nothing later can be shown. */
export const LAST_SECOND = 8_640_000_000_000

/**
 * What selects a column that another program may have put any integer into. For one that no JavaScript number is exact
 * for node:sqlite throws, and the row would take all others of the statement with it: it is read as text instead.
 */
export function safeInteger(column: string): string {
  const { MIN_SAFE_INTEGER: least, MAX_SAFE_INTEGER: most } = Number
  return `CASE WHEN typeof(${column}) = 'integer' AND ${column} NOT BETWEEN ${least} AND ${most}
    THEN CAST(${column} AS TEXT) ELSE ${column} END`
}

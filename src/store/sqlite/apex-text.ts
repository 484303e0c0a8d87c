import { formatName } from '../../wire/name.ts'

/** A zone's apex as the database names it: without the final dot. `apex` is in wire form and lower case. */
export function apexText(apex: Uint8Array): string {
  return formatName(apex).replace(/\.$/, '')
}

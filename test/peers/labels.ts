/** Names as lists of labels, a label being a string of octets (latin1): what random zones and questions are made of. */

export type Name = readonly string[]

const MAX_NAME_LENGTH = 255
const PLAIN = /[a-z0-9_*-]/i

export function wireOf(name: Name): Buffer {
  const labels = name.flatMap(label => [Buffer.of(label.length), Buffer.from(label, 'latin1')])
  return Buffer.concat([...labels, Buffer.alloc(1)])
}

export function fits(name: Name): boolean {
  return name.reduce((length, label) => length + 1 + label.length, 1) <= MAX_NAME_LENGTH
}

/** Master-file notation that every parser reads: what is not plain is written as `\DDD`. */
export function textOf(name: Name): string {
  return name.length === 0 ? '.' : name.map(label => `${escaped(label)}.`).join('')
}

export function escaped(octets: string): string {
  return [...octets]
    .map(octet => (PLAIN.test(octet) ? octet : `\\${String(octet.charCodeAt(0)).padStart(3, '0')}`))
    .join('')
}

/** Equal for names that are the same (RFC 4343). */
export function keyOf(name: Name): string {
  return textOf(name).toLowerCase()
}

export function isAtOrBelow(name: Name, top: Name): boolean {
  return name.length >= top.length && keyOf(name.slice(name.length - top.length)) === keyOf(top)
}

/** The labels of a name in wire form. */
export function labelsOf(name: Buffer): Name {
  const labels: string[] = []
  for (let at = 0; name.readUInt8(at) !== 0; at += 1 + name.readUInt8(at)) {
    labels.push(name.toString('latin1', at + 1, at + 1 + name.readUInt8(at)))
  }
  return labels
}

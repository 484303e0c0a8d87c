const LDH_LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/

/** Lower-case letters, digits, hyphens, none at either end (RFC 1123 2.1, RFC 1035 2.3.4). */
export function isLabel(text: string): boolean {
  return LDH_LABEL.test(text)
}

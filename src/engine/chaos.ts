/** The server's own names in class CH (RFC 4892): what software, which host. */
import { RCODE, TYPE } from '../wire/codes.ts'
import { HEADER_LENGTH } from '../wire/message.ts'
import { parseName } from '../wire/name.ts'
import { isSameName } from '../wire/wire-name.ts'
import type { Query } from './query.ts'
import type { Reply } from './reply.ts'

const MAX_TEXT_LENGTH = 255

interface ChaosName {
  readonly name: Uint8Array
  readonly text: Uint8Array
}

export class Chaos {
  readonly #names: readonly ChaosName[]

  constructor(options: { readonly version: string; readonly hostname: string; readonly identity: string }) {
    this.#names = [
      chaosName('version.bind.', options.version),
      chaosName('version.server.', options.version),
      chaosName('hostname.bind.', options.hostname),
      chaosName('id.server.', options.identity),
    ]
  }

  /** Answers TXT for the names we know; everything else in this class is refused. */
  answer(query: Query, reply: Reply): number {
    if (query.type !== TYPE.TXT && query.type !== TYPE.ANY) return RCODE.REFUSED
    for (const { name, text } of this.#names) {
      if (text.length === 0 || !isSameName(query.message, HEADER_LENGTH, name, 0)) continue
      reply.authoritative = true
      reply.truncated = !reply.putChaosText(text)
      return RCODE.NOERROR
    }
    return RCODE.REFUSED
  }
}

function chaosName(name: string, text: string): ChaosName {
  return {
    name: parseName(name) ?? Uint8Array.of(0),
    text: new TextEncoder().encode(text).subarray(0, MAX_TEXT_LENGTH),
  }
}

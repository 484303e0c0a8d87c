import { readFileSync } from 'node:fs'
import { addressOctets, type Prefix, prefixContains } from '../address/prefix.ts'
import { copyOctets } from '../wire/octets.ts'
import { TARGET_ROOM } from './echo-message.ts'
import { SILENT, type Verdict } from './prober.ts'

const NETWORK_LENGTH = 8

/** The targets of a round, each once; read when their turn to be sent to comes, not all in one go. */
export class EchoTargets {
  /** As they were given. */
  readonly texts: readonly string[]
  /** What is known of each, by its text: that it is silent, until it is told otherwise. */
  readonly verdicts = new Map<string, Verdict>()
  /** A room for each address. */
  readonly octets: Uint8Array
  /** Numbers of the interfaces of link-local targets; 0 elsewhere. */
  readonly scopes: Uint32Array
  readonly #families: Uint8Array
  readonly #pool: Prefix | undefined
  /** Written anew for each target. */
  readonly #ownEnd = new Uint8Array(TARGET_ROOM)

  /** `pool` is the block that tunnels' links are taken from. */
  constructor(given: readonly string[], pool?: Prefix) {
    this.#pool = pool
    this.texts = given.filter(text => this.verdicts.size < this.verdicts.set(text, SILENT).size)
    this.octets = new Uint8Array(this.texts.length * TARGET_ROOM)
    this.scopes = new Uint32Array(this.texts.length)
    this.#families = new Uint8Array(this.texts.length)
  }

  /** Reads one target, and tells its family: 4, 6, or 0 if it is no address. */
  read(index: number): number {
    const text = this.texts[index] ?? ''
    const percent = text.indexOf('%')
    const octets = addressOctets(percent === -1 ? text : text.slice(0, percent))
    if (octets === undefined) return 0
    copyOctets(octets, 0, this.octets, index * TARGET_ROOM, octets.length)
    if (percent !== -1) this.scopes[index] = interfaceNumber(text.slice(percent + 1))
    const family = octets.length === 4 ? 4 : 6
    this.#families[index] = family
    return family
  }

  /**
   * The server's address on the link of a tunnel's client, which is the first of its /64; undefined for other targets.
   * A client need not have a way back to any other. What is returned is good until the next call.
   */
  ownEndOf(index: number): Uint8Array | undefined {
    if (this.#pool === undefined || this.#families[index] !== 6) return undefined
    copyOctets(this.octets, index * TARGET_ROOM, this.#ownEnd, 0, NETWORK_LENGTH)
    this.#ownEnd[TARGET_ROOM - 1] = 1
    if (!prefixContains(this.#pool, this.#ownEnd)) return undefined // a pool is no longer than a link
    return this.#ownEnd
  }

  /** The family of a target that was read. */
  familyOf(index: number): number {
    return this.#families[index] ?? 0
  }
}

/** 0 if there is no such interface: the kernel then refuses to send. */
function interfaceNumber(name: string): number {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(name)) return 0
  try {
    return Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'))
  } catch {
    return 0
  }
}

import { addressOctets } from '../address/prefix.ts'

export type Transport = 'udp' | 'tcp'

const LONGEST_ADDRESS = 16

/** Who asks, how, and when. A listener has one and fills it again for each message: nothing is allocated for a query. */
export class Client {
  readonly transport: Transport
  /** The source address in the first `length` octets. */
  readonly octets = new Uint8Array(LONGEST_ADDRESS)
  /** 4 or 16; 0 if the address is not known. */
  length = 0
  /** When the message came, in UTC seconds: the engine has no clock of its own. */
  seconds = 0
  #text = ''

  constructor(transport: Transport) {
    this.transport = transport
  }

  /** Notes a message that came at this time from an address in text, with or without an IPv6 zone. */
  note(address: string, seconds: number): void {
    this.seconds = seconds
    if (address === this.#text) return
    this.#text = address
    const octets = addressOctets(address.split('%')[0] ?? '')
    this.length = octets?.length ?? 0
    if (octets !== undefined) this.octets.set(octets)
  }
}

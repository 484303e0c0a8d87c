import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { RCODE } from '../../src/wire/codes.ts'
import { type Told, takeApart, wire } from '../engine/zones.ts'
import { PATIENCE_MS } from '../until.ts'

/** Of the zone that is followed. */
export const APEX = wire('example.')
export const ZONE = 'example. 300 IN SOA ns.example. host.example. 7 2 3 4 60\nexample. 300 IN NS ns.example.'

/** A secondary that notes what it is told, and answers as it is told to. */
export class Listener {
  readonly heard: {
    readonly told: Told
    readonly at: number
    readonly port: number
    readonly from: string
  }[] = []
  readonly socket: Socket = createSocket('udp4')
  /** Makes the reply; undefined: silence. */
  reply: (told: Told) => Uint8Array | undefined = told => replyTo(told)

  async listen(): Promise<number> {
    this.socket.on('message', (octets, { address, port }) => {
      const told = takeApart(octets)
      this.heard.push({ told, at: performance.now(), port, from: address })
      const reply = this.reply(told)
      if (reply !== undefined) this.socket.send(reply, port, address)
    })
    this.socket.bind(0, '127.0.0.1')
    await once(this.socket, 'listening')
    return this.socket.address().port
  }

  async until(count: number, within = PATIENCE_MS): Promise<void> {
    for (const deadline = performance.now() + within; this.heard.length < count; await sleep(10))
      assert.ok(performance.now() < deadline, `${this.heard.length} NOTIFYs, not ${count}`)
  }
}

/** The NOTIFY's header and question, with QR and this rcode. */
export function replyTo({ octets }: Told, rcode: number = RCODE.NOERROR): Buffer {
  const reply = Buffer.from(octets.subarray(0, 12 + APEX.length + 4))
  reply.writeUInt16BE(reply.readUInt16BE(2) | 0x8000 | rcode, 2)
  reply.fill(0, 6, 12)
  return reply
}

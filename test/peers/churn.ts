import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandReply } from '../../src/operator/command.ts'
import { ControlClient } from '../../src/operator/control-client.ts'
import type { Server } from '../spawn.ts'
import { Random } from './random.ts'

const ROUNDS_A_SECOND = 20

/** Random changes of the tunnels: a registration each, or the removal of a tunnel that is there. */
export class Churn {
  readonly #random = new Random(1)
  readonly #names: string[] = []
  readonly #changesASecond: number
  #made = 0

  constructor(changesASecond: number) {
    this.#changesASecond = changesASecond
  }

  /** Makes changes at that pace, many at a time over one connection. */
  async run(server: Server, changes: number): Promise<void> {
    using client = await ControlClient.connect(join(server.dir, 'data', 'control.sock'))
    const began = performance.now()
    const underWay: Promise<CommandReply>[] = []
    for (let done = 0; done < changes; ) {
      const due = Math.min(changes, ((performance.now() - began) / 1000) * this.#changesASecond)
      for (; done < due; done++) underWay.push(this.#change(client))
      await sleep(1000 / ROUNDS_A_SECOND)
    }
    const replies = await Promise.all(underWay)
    assert.deepEqual(
      replies.filter(reply => 'problem' in reply),
      [],
    )
  }

  async #change(client: ControlClient): Promise<CommandReply> {
    if (this.#names.length > 20 && this.#random.below(2) === 0) {
      const [reference = ''] = this.#names.splice(this.#random.below(this.#names.length), 1)
      return client.send('tunnel delete', { reference })
    }
    const n = this.#made++
    const ipv4 = `${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.1`
    const reply = await client.send('tunnel add', { ipv4, nicname: `n${n}`, country: 'ca', os: 'linux' })
    this.#names.push(`n${n}.ca`)
    return reply
  }
}

/** Asks for whole zones, message by message, without a socket. */
import assert from 'node:assert/strict'
import { Client } from '../../src/engine/client.ts'
import type { Conversation } from '../../src/engine/conversation.ts'
import { Nameserver, type NameserverOptions } from '../../src/engine/nameserver.ts'
import type { TransferOptions } from '../../src/engine/transfers.ts'
import type { Catalog } from '../../src/zone/catalog.ts'
import { NOW } from './tsig-client.ts'
import { type Told, takeApart } from './zones.ts'

/** A nameserver that counts the versions it holds. */
export class TransferServer {
  readonly nameserver: Nameserver
  readonly #catalog: Catalog

  constructor(
    catalog: Catalog,
    transfers: Omit<TransferOptions, 'snapshot'>,
    options: Partial<NameserverOptions> = {},
  ) {
    this.#catalog = catalog
    this.nameserver = new Nameserver({
      catalog,
      nsid: '',
      version: '',
      hostname: '',
      transfers: { ...transfers, snapshot: () => catalog.snapshot() },
      ...options,
    })
  }

  get held(): number {
    return this.#catalog.memory().heldVersions
  }

  /** The first reply, or the conversation that has begun. */
  ask(query: Uint8Array, address = '192.0.2.1', transport: 'tcp' | 'udp' = 'tcp'): Told | Conversation {
    const room = Buffer.alloc(65_535)
    const client = new Client(transport)
    client.note(address, NOW)
    const answer = this.nameserver.converse(query, query.length, room, client)
    assert.equal(this.nameserver.counts.faults, 0)
    return typeof answer === 'number' ? takeApart(Buffer.from(room.subarray(0, answer))) : answer
  }

  /** The conversation; fails where the query was answered at once. */
  begin(query: Uint8Array, address?: string): Conversation {
    const answer = this.ask(query, address)
    assert.ok('next' in answer, 'the transfer was refused')
    return answer
  }

  /** The reply; fails where a conversation has begun. */
  refusal(query: Uint8Array, address?: string, transport: 'tcp' | 'udp' = 'tcp'): Told {
    const answer = this.ask(query, address, transport)
    assert.ok('rcode' in answer, 'the transfer has begun')
    return answer
  }

  /** All messages of a transfer. */
  transfer(query: Uint8Array, address?: string): readonly Told[] {
    const conversation = this.begin(query, address)
    const messages: Told[] = []
    while (!conversation.isDone) messages.push(nextOf(conversation))
    conversation.close()
    return messages
  }
}

/** The next message, made in a room that others have written to. */
export function nextOf(conversation: Conversation, seconds = NOW): Told {
  const room = Buffer.alloc(65_535, 0xa5)
  const length = conversation.next(room, seconds)
  assert.notEqual(length, 0, 'the transfer broke off')
  return takeApart(Buffer.from(room.subarray(0, length)))
}

export function answersOf(messages: readonly Told[]): readonly string[] {
  return messages.flatMap(({ answer }) => answer)
}

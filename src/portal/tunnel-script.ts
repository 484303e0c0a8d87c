import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Handlebars from 'handlebars'
import { formatIpv6 } from '../address/ipv6.ts'
import { nameOf, type Tunnel } from '../tunnel/tunnel.ts'
import { OPERATING_SYSTEMS, SCRIPTS_DIR } from './operating-system.ts'

export const ACTIONS = ['up', 'down'] as const
export type Action = (typeof ACTIONS)[number]
type Part = Action | 'notes'

/** Facts of the service that stand in every script. */
export interface ScriptFacts {
  readonly origin: string
  readonly serverIpv4: string
  readonly mtu: number
  readonly publicUrl: string
}

const LINK_PREFIX_LENGTH = 64
const INTERFACE_NAME = 'freenet6'

/**
 * The draft's server steps 5–6: the script for the client, its undo, and the instructions. Every value is an address,
 * a number or a label that we have checked and formatted ourselves: no free text reaches a shell, so nothing is escaped.
 */
export class TunnelScripts {
  readonly #facts: ScriptFacts
  readonly #templates = new Map<string, Handlebars.TemplateDelegate>()

  constructor(facts: ScriptFacts) {
    this.#facts = facts
    for (const { id } of OPERATING_SYSTEMS) {
      for (const part of [...ACTIONS, 'notes'] as const) {
        const text = readFileSync(join(SCRIPTS_DIR, id, `${part}.hbs`), 'utf8')
        this.#templates.set(`${id}/${part}`, Handlebars.compile(text, { noEscape: true, strict: true }))
      }
    }
  }

  /** The script; undefined where there is none for the operating system. */
  script(tunnel: Tunnel, os: string, action: Action): string | undefined {
    return this.#render(tunnel, os, action)
  }

  /** The instructions, one a line. */
  notes(tunnel: Tunnel, os: string): readonly string[] {
    return (this.#render(tunnel, os, 'notes') ?? '').split('\n').filter(line => line !== '')
  }

  #render(tunnel: Tunnel, os: string, part: Part): string | undefined {
    return this.#templates.get(`${os}/${part}`)?.({
      ipv4Server: this.#facts.serverIpv4,
      ipv4Client: tunnel.ipv4Client,
      ipv6Client: formatIpv6(tunnel.ipv6Client),
      ipv6Server: formatIpv6(tunnel.ipv6Server),
      prefixLength: LINK_PREFIX_LENGTH,
      mtu: this.#facts.mtu,
      name: nameOf(tunnel, this.#facts.origin),
      interfaceName: INTERFACE_NAME,
      origin: this.#facts.origin,
      publicUrl: this.#facts.publicUrl,
      id: tunnel.id,
    })
  }
}

export function isAction(text: string): text is Action {
  return text === 'up' || text === 'down'
}

/** What a script's file is called on the client. */
export function scriptFileName(action: Action, ending: string): string {
  return `freenet6-${action}.${ending}`
}

import { join } from 'node:path'
import { parseIpv4 } from '../address/ipv4.ts'
import { formatIpv6 } from '../address/ipv6.ts'
import { formatPrefix, type Prefix } from '../address/prefix.ts'
import { isThere, TEMPLATES_DIR } from '../shared/own-files.ts'
import { mtuOf } from '../tunnel/mtu.ts'
import { nameOf, type Tunnel } from '../tunnel/tunnel.ts'
import type { OperatingSystems } from './operating-systems.ts'
import { checkScriptValues, type ScriptFacts, type ScriptValues } from './script-values.ts'
import { type Part, SOURCE_LANGUAGE } from './system-manifest.ts'
import type { Template, Templates } from './templates.ts'

export const ACTIONS = ['up', 'down'] as const
export type Action = (typeof ACTIONS)[number]

const LINK_PREFIX_LENGTH = 64
const NOTES_DIR = join(TEMPLATES_DIR, 'partials', 'notes')
const ROUTED_NOTES = 'routed-prefix.hbs'
const IPV6_AND_TCP_HEADERS = 60
const INTERFACE_NAME = 'freenet6'
/** How often a client behind NAT says that it is there, so that the NAT keeps its mapping. */
const KEEPALIVE_SECONDS = 25
/**
 * All of IPv6 in two halves: from one peer with `::/0` the apps for Windows and Android conclude that nothing may pass
 * beside the tunnel, and cut IPv4 off.
 */
const EVERYWHERE = '::/1, 8000::/1'
/** The page's own script puts the key in its place, in the browser. */
const PRIVATE_KEY_HERE = 'YOUR PRIVATE KEY'
/** What every template is tried with at start: one that names another value fails then, not in front of a visitor. */
const SAMPLE: ScriptValues = {
  ipv4Server: '192.0.2.1',
  ipv4Client: '192.0.2.2',
  ipv6Server: '2001:db8::1',
  ipv6Client: '2001:db8::2',
  prefixLength: LINK_PREFIX_LENGTH,
  mtu: 1480,
  mss: 1420,
  name: 'nic.ca.example.net',
  interfaceName: INTERFACE_NAME,
  origin: 'example.net',
  publicUrl: 'https://example.net',
  ipv4Url: 'https://ipv4.example.net',
  id: 'a1b2c3d4e5f6',
  publicKey: 'cHVibGljIGtleSBvZiB0aGUgY2xpZW50LCBhIHNhbXA=',
  serverPublicKey: 'cHVibGljIGtleSBvZiB0aGUgc2VydmVyLCBhIHNhbXA=',
  endpoint: '192.0.2.1:51820',
  endpointHost: '192.0.2.1',
  endpointPort: 51_820,
  endpointIpv4: '192.0.2.1',
  keepaliveSeconds: KEEPALIVE_SECONDS,
  routedPrefix: '2001:db8:1::/56',
  routedNetwork: '2001:db8:1::/64',
  routedAddress: '2001:db8:1::1',
}

/** Which system a text is for, and in which language it is. */
export interface For {
  readonly os: string
  /** BCP 47. */
  readonly language: string
}

/** The draft's server steps 5–6: the script for the client, its undo, and the instructions. */
export class TunnelScripts {
  readonly #facts: ScriptFacts
  readonly #systems: OperatingSystems
  /** By file: what is not prose is the same in every language. */
  readonly #templates = new Map<string, Template>()

  /** Compiles every system's templates in every language. Throws if one can't be rendered. */
  constructor(facts: ScriptFacts, systems: OperatingSystems, templates: Templates) {
    this.#facts = facts
    this.#systems = systems
    for (const file of filesOf(systems)) {
      const template = templates.script(file)
      template(SAMPLE)
      this.#templates.set(file, template)
    }
  }

  /** The script; undefined if there is none for the operating system. */
  script(tunnel: Tunnel, { action, ...wanted }: For & { readonly action: Action }): string | undefined {
    return this.render(this.#values(tunnel), { ...wanted, kind: tunnel.kind.name, part: action })
  }

  /** The instructions, one a line; the lines of one language say what those of another say. */
  notes(tunnel: Tunnel, wanted: For): readonly string[] {
    const kind = tunnel.kind.name
    return linesOf(this.render(this.#values(tunnel), { ...wanted, kind, part: 'notes' }) ?? '')
  }

  /** What to do on a router with the prefix that is routed to it, one a line; none if nothing is. */
  routedNotes(tunnel: Tunnel, language: string): readonly string[] {
    if (tunnel.routedPrefix === undefined) return []
    const template = this.#templates.get(routedNotesFile(language))
    return linesOf(template?.(checkScriptValues(this.#values(tunnel))) ?? '')
  }

  /** What a WireGuard client of any system reads; its owner puts the private key in. Empty for other kinds. */
  configuration(tunnel: Tunnel): string {
    if (tunnel.kind.publicKey === undefined) return ''
    const values = checkScriptValues(this.#values(tunnel))
    return [
      '[Interface]',
      `PrivateKey = ${PRIVATE_KEY_HERE}`,
      `Address = ${values.ipv6Client}/${values.prefixLength}`,
      `MTU = ${values.mtu}`,
      '',
      '[Peer]',
      `PublicKey = ${values.serverPublicKey}`,
      `Endpoint = ${values.endpoint}`,
      `AllowedIPs = ${EVERYWHERE}`,
      `PersistentKeepalive = ${values.keepaliveSeconds}`,
    ].join('\n')
  }

  /** Throws ScriptValueFault for a value that is not fit to stand in a script. */
  render(
    values: ScriptValues,
    {
      os,
      language = SOURCE_LANGUAGE,
      kind,
      part,
    }: Partial<For> & { readonly os: string; readonly kind: string; readonly part: Part },
  ): string | undefined {
    const file = this.#systems.in(language).find(os)?.files.get(kind)?.[part]
    return file === undefined ? undefined : this.#templates.get(file)?.(checkScriptValues(values))
  }

  #values(tunnel: Tunnel): ScriptValues {
    const mtu = mtuOf(tunnel, this.#facts)
    return {
      ipv4Server: this.#facts.serverIpv4,
      ipv4Client: tunnel.ipv4Client ?? '',
      ipv6Client: formatIpv6(tunnel.ipv6Client),
      ipv6Server: formatIpv6(tunnel.ipv6Server),
      prefixLength: LINK_PREFIX_LENGTH,
      mtu,
      mss: mtu - IPV6_AND_TCP_HEADERS,
      name: nameOf(tunnel, this.#facts.origin),
      interfaceName: INTERFACE_NAME,
      origin: this.#facts.origin,
      publicUrl: this.#facts.publicUrl,
      ipv4Url: this.#facts.ipv4Url,
      id: tunnel.id,
      publicKey: tunnel.kind.publicKey ?? '',
      serverPublicKey: this.#facts.wireguard.serverPublicKey,
      ...endpointValues(this.#facts.wireguard.endpoint),
      keepaliveSeconds: KEEPALIVE_SECONDS,
      ...routedValues(tunnel.routedPrefix),
    }
  }
}

function endpointValues(endpoint: string) {
  const colon = endpoint.lastIndexOf(':')
  const endpointHost = endpoint.slice(0, colon)
  const endpointIpv4 = parseIpv4(endpointHost) === undefined ? '' : endpointHost
  return { endpoint, endpointHost, endpointPort: Number(endpoint.slice(colon + 1)), endpointIpv4 }
}

/** Every template file, each once. */
function filesOf(systems: OperatingSystems): ReadonlySet<string> {
  const files = systems.languages.flatMap(language => [
    routedNotesFile(language),
    ...systems.in(language).all.flatMap(system => [...system.files.values()].flatMap(Object.values<string>)),
  ])
  return new Set(files)
}

/** In English where a language has none. */
function routedNotesFile(language: string): string {
  const file = join(NOTES_DIR, language, ROUTED_NOTES)
  return isThere(file) ? file : join(NOTES_DIR, ROUTED_NOTES)
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter(line => line !== '')
}

function routedValues(prefix: Prefix | undefined) {
  if (prefix === undefined) return { routedPrefix: '', routedNetwork: '', routedAddress: '' }
  const address = Uint8Array.from(prefix.octets)
  address[address.length - 1] = 1
  return {
    routedPrefix: formatPrefix(prefix),
    routedNetwork: formatPrefix({ octets: prefix.octets, length: LINK_PREFIX_LENGTH }),
    routedAddress: formatIpv6(address),
  }
}

export function isAction(text: string): text is Action {
  return text === 'up' || text === 'down'
}

/** What a script's file is called on the client. */
export function scriptFileName(action: Action, ending: string): string {
  return `freenet6-${action}.${ending}`
}

import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Diagnoses, Finding } from '../observation/diagnosis.ts'
import { mtuOf } from '../tunnel/mtu.ts'
import { nameOf, type Tunnel } from '../tunnel/tunnel.ts'
import { findingWords } from '../words/finding-words.ts'
import { marked } from './mark-up.ts'
import type { PortalOptions } from './options.ts'
import { languageOf } from './reply.ts'
import { type SignedInParts, signedInTunnel } from './signed-in.ts'
import { SOURCE_LANGUAGE } from './system-manifest.ts'
import type { TunnelScripts } from './tunnel-scripts.ts'
import type { Views } from './views.ts'
import { visitorOf } from './visitor.ts'

export interface DiagnosisPagesOptions
  extends SignedInParts,
    Pick<PortalOptions, 'facts' | 'systems' | 'trustedProxies' | 'words'> {
  readonly diagnoses: Diagnoses
  readonly scripts: TunnelScripts
  readonly views: Views
}

const CHECK = /check by yourself/i
/** The lines of a system's English notes that help where the fault is the client's to mend. */
const HELP: Readonly<Partial<Record<Finding, readonly RegExp[]>>> = {
  'large-lost': [/^MTU:/],
  'echo-filtered': [/^Firewall:/],
  'never-heard': [/^(?:Save|Read|Follow)/, CHECK],
  'tunnel-filtered': [/NAT/, CHECK, /^Firewall:/, /restart/],
  'endpoint-elsewhere': [/address changes/],
  'endpoint-silent': [/address changes/],
  silent: [CHECK, /restart/],
}

/** Why a tunnel does not work: one finding, and what to do about it on the owner's system. */
export class DiagnosisPages {
  readonly #options: DiagnosisPagesOptions

  constructor(options: DiagnosisPagesOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.get('/tunnels/:id/why', ctx => this.#show(ctx))
  }

  async #show(ctx: Context): Promise<void> {
    const { diagnoses, facts, systems, trustedProxies, views, words } = this.#options
    const tunnel = signedInTunnel(ctx, this.#options)
    const visitor = visitorOf(ctx.req, trustedProxies)
    const language = languageOf(ctx, words)
    const { finding, fault, ...seen } = await diagnoses.of(tunnel, visitor)
    const told = findingWords(finding, { isWireguard: tunnel.kind.publicKey !== undefined, language })
    const endpoint = tunnel.ipv4Client ?? ''
    views.send(ctx, 'why', {
      title: language.sentence('why', { name: nameOf(tunnel, facts.origin) }),
      id: tunnel.id,
      isWell: finding === 'well',
      finding: marked(told.finding),
      remedy: marked(told.remedy),
      fault,
      visitor: finding === 'endpoint-elsewhere' ? visitor.address : '',
      system: systems.in(language.tag).find(tunnel.os),
      help: this.#help(tunnel, { patterns: HELP[finding] ?? [], language: language.tag }),
      seen: [
        { what: language.sentence('seen-tunnel'), answer: seen.tunnel },
        { what: language.sentence('seen-large', { octets: mtuOf(tunnel, facts) }), answer: seen.large },
        { what: language.sentence('seen-endpoint', { endpoint }), answer: seen.endpoint },
      ].flatMap(({ what, answer }) =>
        answer === undefined ? [] : [{ what, words: language.sentence(`seen-${answer}`), answer }],
      ),
    })
  }

  /** The same lines of the notes are about the same in each language. */
  #help(
    tunnel: Tunnel,
    { patterns, language }: { readonly patterns: readonly RegExp[]; readonly language: string },
  ): readonly string[] {
    const { scripts } = this.#options
    const source = scripts.notes(tunnel, { os: tunnel.os, language: SOURCE_LANGUAGE })
    const spoken = scripts.notes(tunnel, { os: tunnel.os, language })
    return spoken.filter((_, at) => patterns.some(pattern => pattern.test(source[at] ?? '')))
  }
}

import { findTunnel, whyNotFound } from '../lifecycle/find-tunnel.ts'
import { refused } from '../lifecycle/refusal.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import { nameOf, type Tunnel } from '../tunnel/tunnel.ts'
import { findingText } from '../words/finding-words.ts'
import { Words } from '../words/words.ts'
import type { Outcome } from './outcome.ts'

type Answer = 'answered' | 'silent' | 'unknown' | undefined

/** Why a tunnel does not work, and what echoes have shown; undefined: none was sent. */
interface Diagnosis {
  readonly finding: Parameters<typeof findingText>[0]
  readonly tunnel: Answer
  readonly large: Answer
  readonly endpoint: Answer
  readonly roundTripMs: number | undefined
  /** Empty: the kernel has not refused our interface. */
  readonly fault: string
}

/** A diagnosis with the field names of the API. */
export interface DiagnosisReport {
  readonly id: string
  readonly name: string
  readonly finding: string
  readonly detail: string
  readonly fault?: string | undefined
  readonly seen: Readonly<Record<'tunnel' | 'large' | 'endpoint', string>>
  readonly rtt_ms?: number | undefined
}

/** Why tunnels do not work, in the words that their owners read. */
export class TunnelDiagnoses {
  readonly #table: TunnelReader
  readonly #origin: string
  readonly #diagnose: (tunnel: Tunnel) => Promise<Diagnosis>

  constructor(parts: {
    readonly table: TunnelReader
    readonly origin: string
    readonly diagnose: (tunnel: Tunnel) => Promise<Diagnosis>
  }) {
    this.#table = parts.table
    this.#origin = parts.origin
    this.#diagnose = parts.diagnose
  }

  /** `reference` is an id, `nicname.country`, or the full name. A dormant tunnel stays dormant. */
  async of(reference: string): Promise<Outcome<DiagnosisReport>> {
    const tunnel = findTunnel(this.#table, this.#origin, reference)
    if (tunnel === undefined) return refused(whyNotFound(this.#table, this.#origin, reference))
    const { finding, fault, ...seen } = await this.#diagnose(tunnel)
    const { fallback: language } = Words.load()
    return {
      kind: 'done',
      value: {
        id: tunnel.id,
        name: nameOf(tunnel, this.#origin),
        finding,
        detail: findingText(finding, { isWireguard: tunnel.kind.publicKey !== undefined, language }),
        ...(fault === '' ? {} : { fault }),
        seen: {
          tunnel: seen.tunnel ?? 'not-asked',
          large: seen.large ?? 'not-asked',
          endpoint: seen.endpoint ?? 'not-asked',
        },
        ...(seen.roundTripMs === undefined ? {} : { rtt_ms: seen.roundTripMs }),
      },
    }
  }
}

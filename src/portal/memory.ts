import { z } from 'zod'
import type { KeptOutcome, OnceEach } from '../registration/once-each.ts'
import type { Log } from '../shared/log.ts'
import type { KeptSignIns, SignIns } from './sign-in.ts'

const session = z.looseObject({ tunnelId: z.string(), expires: z.number() })
const problems = z.array(z.looseObject({ code: z.string() }))
const keptSignIns = z.object({
  sessions: z.array(z.tuple([z.string(), session])),
  firstViews: z.array(z.tuple([z.string(), session.extend({ key: z.string(), warnings: problems })])),
  asked: z.array(z.tuple([z.string(), session.extend({ view: z.string() })])).default([]),
})
const keptOutcomes = z.array(
  z.object({
    owner: z.string(),
    name: z.string(),
    content: z.string(),
    outcome: z.looseObject({ kind: z.literal('registered'), id: z.string() }),
    left: z.number(),
  }),
)
const keptMemory = z.object({ signIns: keptSignIns, replies: keptOutcomes, forms: keptOutcomes })

/** What the web holds in memory alone, and its visitors would miss after a restart. */
export class PortalMemory<Reply, Form> {
  readonly #signIns: SignIns
  readonly #replies: OnceEach<Reply>
  readonly #forms: OnceEach<Form>

  constructor(parts: {
    readonly signIns: SignIns
    /** By Idempotency-Key. */
    readonly replies: OnceEach<Reply>
    readonly forms: OnceEach<Form>
  }) {
    this.#signIns = parts.signIns
    this.#replies = parts.replies
    this.#forms = parts.forms
  }

  /** All of it, as JSON can carry it. */
  async kept(): Promise<unknown> {
    return {
      signIns: this.#signIns.kept(),
      replies: await this.#replies.kept(),
      forms: await this.#forms.kept(),
    }
  }

  /** Takes what the process before has kept; a process of another version may have kept it otherwise: then none of it. */
  restore(kept: unknown, log: Log): void {
    if (kept === undefined) return
    const reading = keptMemory.safeParse(kept)
    if (!reading.success) {
      log.warn({ err: reading.error }, 'what the process before remembers of visitors can not be read')
      return
    }
    const { signIns, replies, forms } = reading.data
    // Made by this very code, or by one that keeps the same fields: what lies deeper is theirs.
    this.#signIns.restore(signIns as unknown as KeptSignIns)
    this.#replies.restore(replies as unknown as readonly KeptOutcome<Reply>[])
    this.#forms.restore(forms as unknown as readonly KeptOutcome<Form>[])
  }
}

import { type Problem, problem } from '../shared/problem.ts'

/** No URL of a topic comes near this. */
const LONGEST = 500

type Target =
  | { readonly kind: 'target'; readonly target: string }
  | { readonly kind: 'wrong'; readonly problem: Problem }

/** Which URLs owners may have notices posted to. */
export class WebhookRules {
  /** As in a URL: lower case, with the port if it is not that of https. None: no URL may be given. */
  readonly hosts: readonly string[]
  readonly #allowHttp: boolean

  /** `allowHttp`: in a laboratory. */
  constructor({ hosts, allowHttp }: { readonly hosts: readonly string[]; readonly allowHttp: boolean }) {
    this.hosts = hosts
    this.#allowHttp = allowHttp
  }

  /** The URL in its one canonical form, or what is wrong with it. A fragment is never sent, and a password is not kept. */
  read(typed: string): Target {
    if (this.hosts.length === 0) return { kind: 'wrong', problem: problem('webhook-none', {}) }
    const url = typed.length > LONGEST ? null : URL.parse(typed)
    if (
      url === null ||
      !this.#isOfScheme(url) ||
      url.username !== '' ||
      url.password !== '' ||
      url.hash !== ''
    )
      return { kind: 'wrong', problem: problem('webhook-syntax', { case: 'malformed' }) }
    if (!this.hosts.includes(url.host))
      return { kind: 'wrong', problem: problem('webhook-host', { known: this.hosts.join(', ') }) }
    return { kind: 'target', target: url.href }
  }

  #isOfScheme({ protocol }: URL): boolean {
    return protocol === 'https:' || (protocol === 'http:' && this.#allowHttp)
  }
}

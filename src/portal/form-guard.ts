import type { IncomingMessage } from 'node:http'
import { problem } from '../shared/problem.ts'
import { refuse } from './refused.ts'

/**
 * Refuses a write that another site made a browser send (CSRF). Browsers say where a request comes from, by
 * Sec-Fetch-Site or by Origin; programs such as curl say neither and carry no cookies that could be abused.
 */
export function guardOrigin(request: IncomingMessage, ownOrigins: ReadonlySet<string>): void {
  const site = request.headers['sec-fetch-site']
  if (site === 'same-origin' || site === 'none') return
  if (site === undefined && isOwnOrigin(request, ownOrigins)) return
  throw refuse(problem('cross-site', { case: 'form' }))
}

/**
 * Refuses what a page made a browser send, ours as well: the update protocol writes by GET, and a browser adds the
 * credentials that it remembers to a mere image's request. Programs send none of these headers.
 */
export function guardProgram({ headers }: IncomingMessage): void {
  const site = headers['sec-fetch-site']
  const isByHand = site === undefined || site === 'none'
  if (isByHand && headers.origin === undefined && headers.referer === undefined) return
  throw refuse(problem('cross-site', { case: 'update' }))
}

/** A page of ours, by the public URL or by the name that the request itself was sent to. */
function isOwnOrigin({ headers }: IncomingMessage, ownOrigins: ReadonlySet<string>): boolean {
  const { origin, host } = headers
  if (origin === undefined || ownOrigins.has(origin)) return true
  return host !== undefined && URL.parse(origin)?.host === host.toLowerCase()
}

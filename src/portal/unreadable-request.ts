import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Problem, problem, statusOf } from '../shared/problem.ts'
import type { Language } from '../words/language.ts'
import { PROBLEM_DOCUMENT, problemDocument } from './problem-document.ts'
import { refuse } from './refused.ts'
import type { RepliesUnderWay } from './replies-under-way.ts'

/** How long a refused connection stays open, in milliseconds, so that what is still sent does not take the reply with it. */
const LINGERING_MS = 1000

interface UnreadableOptions {
  readonly publicUrl: string
  readonly language: Language
  readonly underWay: Pick<RepliesUnderWay, 'of'>
}

/**
 * Answers what Node's parser ends a connection for with a problem, as all that is refused; and lets what Node would
 * refuse by itself (no Host, an unknown Expect) come to the guards.
 */
export function answerUnreadable(server: Server, options: UnreadableOptions): void {
  const answered = new WeakSet<Duplex>()
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (answered.has(socket)) return // it sends on
    answered.add(socket)
    endWithReply(socket, problemOf(error), options)
  })
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
}

/** A request before it that came whole still gets its own reply; one whose own body can't be read gets this one. */
function endWithReply(socket: Duplex, what: Problem, options: UnreadableOptions): void {
  const response = options.underWay.of(socket)
  if (!socket.writable || response?.headersSent) socket.destroy()
  else if (response?.req.complete) response.once('finish', () => linger(socket, ''))
  else linger(socket, reply(what, options))
}

function linger(socket: Duplex, last: string): void {
  socket.end(last)
  const patience = setTimeout(() => socket.destroy(), LINGERING_MS)
  socket.once('close', () => clearTimeout(patience))
}

/** RFC 9110 10.1.1: there is one expectation, which Node fulfils; whoever has another waits for what will not come. */
export function guardExpectation({ headers: { expect } }: IncomingMessage): void {
  if (expect !== undefined && !/^100-continue$/i.test(expect.trim()))
    throw refuse(problem('expectation-unknown', {}))
}

function problemOf({ code }: NodeJS.ErrnoException): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return problem('head-too-large', {})
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return problem('request-slow', {})
  return problem('request-syntax', {})
}

function reply(
  what: Problem,
  { publicUrl, language }: { readonly publicUrl: string; readonly language: Language },
) {
  const status = statusOf([what])
  const body = problemDocument([what], { publicUrl, language })
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_DOCUMENT}`,
    `Content-Language: ${language.tag}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    '',
    body,
  ].join('\r\n')
}

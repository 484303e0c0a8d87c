import type { IncomingMessage } from 'node:http'
import { problem } from '../shared/problem.ts'
import { type Refused, refuse } from './refused.ts'
import { typedText } from './typed-text.ts'

/** No form or JSON of ours comes near this. */
const MAX_BODY_LENGTH = 16_384
/** Characters of a field's name that are sent back. */
export const MAX_ECHOED_LENGTH = 40
const UTF_8 = new TextDecoder('utf-8', { fatal: true })

/** Names and values as a form or a query has them, in its order: a name may come again. */
export type Pairs = Iterable<readonly [name: string, value: string]>

/** The fields of a URL-encoded form, as they were meant. Throws Refused. */
export async function readForm(request: IncomingMessage): Promise<Readonly<Record<string, string>>> {
  return fieldsOf(await readPairs(request))
}

/** A URL-encoded form as it came. Throws Refused. */
export async function readPairs(request: IncomingMessage): Promise<Pairs> {
  requireType(request, 'application/x-www-form-urlencoded')
  return new URLSearchParams(await readText(request))
}

/** Values by name, as they were meant. Throws Refused if a name has two: which of them is meant nobody can tell. */
export function fieldsOf(pairs: Pairs): Readonly<Record<string, string>> {
  const fields: Record<string, string> = Object.create(null)
  for (const [name, value] of pairs) {
    const given = typedText(value)
    const before = fields[name] ?? given
    if (before !== given) throw malformed('repeated', name)
    fields[name] = given
  }
  return fields
}

/** The one JSON object of a request, its texts as they were meant. Throws Refused. */
export async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  requireType(request, 'application/json')
  const text = await readText(request)
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, meant(field)]))
  } catch {
    // Falls through to the same answer: it is not one JSON object.
  }
  throw malformed('json')
}

function meant(value: unknown): unknown {
  return typeof value === 'string' ? typedText(value) : value
}

function requireType(request: IncomingMessage, wanted: string): void {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';')
  if (type.trim().toLowerCase() === wanted) return
  throw refuse(problem('content-type', { type: wanted }))
}

async function readText(request: IncomingMessage): Promise<string> {
  const body = await readOctets(request)
  try {
    return UTF_8.decode(body)
  } catch {
    throw malformed('utf-8')
  }
}

/** Where the client goes away in the middle, a refusal that nobody will read, and no fault of ours. */
function readOctets(request: IncomingMessage): Promise<Uint8Array> {
  return new Promise((done, failed) => {
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_LENGTH) throw tooLarge()
    const chunks: Buffer[] = []
    let length = 0
    const take = (chunk: Buffer) => {
      length += chunk.length
      chunks.push(chunk)
      if (length <= MAX_BODY_LENGTH) return
      request.off('data', take) // what still comes is thrown away
      failed(tooLarge())
    }
    const breakOff = () => {
      if (!request.complete) failed(malformed('broken-off'))
    }
    request.on('data', take)
    request.once('end', () => done(Buffer.concat(chunks)))
    request.once('error', breakOff)
    request.once('close', breakOff)
  })
}

function malformed(which: 'json' | 'utf-8' | 'broken-off' | 'repeated', field = ''): Refused {
  const name = JSON.stringify(field.slice(0, MAX_ECHOED_LENGTH))
  return refuse(problem('body-syntax', { case: which, name }))
}

function tooLarge(): Refused {
  return refuse(problem('body-too-large', { octets: MAX_BODY_LENGTH }), { connection: 'close' })
}

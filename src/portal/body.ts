import type { IncomingMessage } from 'node:http'
import { problem } from '../shared/problem.ts'
import { type Refused, refuse } from './refused.ts'

/** No form or JSON of ours comes near this. */
const MAX_BODY_LENGTH = 16_384
const UTF_8 = new TextDecoder('utf-8', { fatal: true })

/** The fields of a URL-encoded form, trimmed; of a field given twice the first counts. Throws Refused. */
export async function readForm(request: IncomingMessage): Promise<Readonly<Record<string, string>>> {
  requireType(request, 'application/x-www-form-urlencoded')
  const fields: Record<string, string> = Object.create(null)
  for (const [name, value] of new URLSearchParams(await readText(request))) fields[name] ??= value.trim()
  return fields
}

/** The one JSON object of a request, its texts trimmed. Throws Refused. */
export async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  requireType(request, 'application/json')
  const text = await readText(request)
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, trimmed(field)]))
  } catch {
    // Falls through to the same answer: it is not one JSON object.
  }
  throw refuse(problem('body-syntax', { case: 'json' }))
}

function trimmed(value: unknown): unknown {
  return typeof value === 'string' ? value.trim() : value
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
    throw refuse(problem('body-syntax', { case: 'utf-8' }))
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
      if (!request.complete) failed(refuse(problem('body-syntax', { case: 'broken-off' })))
    }
    request.on('data', take)
    request.once('end', () => done(Buffer.concat(chunks)))
    request.once('error', breakOff)
    request.once('close', breakOff)
  })
}

function tooLarge(): Refused {
  return refuse(problem('body-too-large', { octets: MAX_BODY_LENGTH }), { connection: 'close' })
}

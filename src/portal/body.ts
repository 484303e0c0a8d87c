import type { IncomingMessage } from 'node:http'
import { type Refused, refuse } from './refusal-error.ts'

/** No form or JSON of ours comes near this. */
const MAX_BODY_LENGTH = 16_384

/** The fields of a URL-encoded form; of a field given twice the first counts. Throws Refused. */
export async function readForm(request: IncomingMessage): Promise<Readonly<Record<string, string>>> {
  requireType(request, 'application/x-www-form-urlencoded')
  const fields: Record<string, string> = Object.create(null)
  for (const [name, value] of new URLSearchParams(await readText(request))) fields[name] ??= value
  return fields
}

/** The one JSON object of a request. Throws Refused. */
export async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  requireType(request, 'application/json')
  const text = await readText(request)
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {
    // Falls through to the same answer: it is not one JSON object.
  }
  throw refuse(
    'body-syntax',
    'Send one JSON object, such as {"ipv4":"198.51.100.7","nicname":"nic","country":"ca","os":"linux"}.',
  )
}

function requireType(request: IncomingMessage, wanted: string): void {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';')
  if (type.trim().toLowerCase() === wanted) return
  throw refuse('content-type', `Send the body as ${wanted}.`)
}

async function readText(request: IncomingMessage): Promise<string> {
  const body = await readOctets(request)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw refuse('body-syntax', 'Send the body as UTF-8.')
  }
}

async function readOctets(request: IncomingMessage): Promise<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_LENGTH) throw tooLarge()
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of untilAborted(request)) {
    length += chunk.length
    if (length > MAX_BODY_LENGTH) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The chunks of a body; where the client goes away in its middle, a refusal that nobody will read, and no fault of ours. */
async function* untilAborted(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* request.iterator({ destroyOnReturn: false })
  } catch {
    throw refuse('body-syntax', 'The body broke off.')
  }
}

function tooLarge(): Refused {
  return refuse('body-too-large', `Send at most ${MAX_BODY_LENGTH} octets.`, { connection: 'close' })
}

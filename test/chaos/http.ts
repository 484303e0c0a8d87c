import { request } from 'node:http'

export interface Reply {
  readonly status: number
  readonly body: string
}

export interface Request {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

/** In place of a reply where nobody listens: nothing was asked. */
export const NOBODY: Reply = { status: 0, body: '' }

const PATIENCE_MS = 8000

/** One request on a connection of its own. Undefined if no whole reply came: then nobody knows what became of it. */
export function send(
  url: string,
  { method = 'GET', headers = {}, body }: Request,
): Promise<Reply | undefined> {
  const { promise, resolve } = Promise.withResolvers<Reply | undefined>()
  const text = body === undefined ? undefined : JSON.stringify(body)
  const all = {
    ...headers,
    connection: 'close',
    ...(text !== undefined && { 'content-type': 'application/json', 'content-length': String(text.length) }),
  }
  const sending = request(url, { method, headers: all, agent: false }, response => {
    let reply = ''
    response.setEncoding('utf8').on('data', piece => {
      reply += piece
    })
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: reply }))
    response.on('error', () => resolve(undefined))
    response.on('aborted', () => resolve(undefined))
  })
  const timer = setTimeout(() => sending.destroy(), PATIENCE_MS)
  sending.on('error', error => resolve('code' in error && error.code === 'ECONNREFUSED' ? NOBODY : undefined))
  sending.on('close', () => resolve(undefined))
  sending.end(text)
  return promise.finally(() => clearTimeout(timer))
}

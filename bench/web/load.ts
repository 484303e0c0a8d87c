import autocannon, { type Request, type Result } from 'autocannon'
import { Registrants } from '../registrant.ts'
import type { ListenedTunnel } from './listeners.ts'

/** What visitors do, in a loop on each of so many connections. */
export interface Load {
  readonly name: string
  readonly request: Request
  /** The statuses that are right. */
  readonly right: '2xx' | '3xx'
}

export interface LoadFigures {
  readonly requestsASecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Replies of another status, and connections that failed. */
  readonly wrong: number
}

const BROWSER = { accept: 'text/html', 'accept-encoding': 'identity', 'sec-fetch-site': 'same-origin' }
const FORM = { ...BROWSER, 'content-type': 'application/x-www-form-urlencoded' }
/** Series of registrants of their own, so that no two runs ask for the same name. */
let series = 2

export const LANDING: Load = { name: 'first page', request: { path: '/', headers: BROWSER }, right: '2xx' }

/** A registration each, of somebody else each time. */
export function registrations(): Load {
  const registrants = new Registrants('web', series++)
  const body = () => {
    const { name: _, ...fields } = registrants.next()
    return new URLSearchParams({ ...fields, kind: 'sit' }).toString()
  }
  const request: Request = {
    method: 'POST',
    path: '/register',
    headers: FORM,
    setupRequest: request => ({ ...request, body: body() }),
  }
  return { name: 'registration by form', request, right: '3xx' }
}

/** The page of a tunnel, signed in. */
export async function tunnelPage(url: string, { id, key }: ListenedTunnel): Promise<Load> {
  const body = new URLSearchParams({ reference: id, key })
  const signedIn = await fetch(`${url}/tunnels`, { method: 'POST', headers: FORM, body, redirect: 'manual' })
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  const request = { path: `/tunnels/${id}`, headers: { ...BROWSER, cookie } }
  return { name: 'tunnel’s page', request, right: '2xx' }
}

export async function runWebLoad(
  url: string,
  { request, right }: Load,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<LoadFigures> {
  const result = await autocannon({ url, connections, duration: seconds, requests: [request] })
  return {
    requestsASecond: result.requests.mean,
    p50: result.latency.p50,
    p99: result.latency.p99,
    wrong: result.errors + result.timeouts + repliesOf(result) - result[right],
  }
}

function repliesOf(result: Result): number {
  return result['1xx'] + result['2xx'] + result['3xx'] + result['4xx'] + result['5xx']
}

/**
 * Registers many tunnels by the API, eight at a time, from the host that it runs on; prints each reply as one line of
 * JSON as soon as it is there. `#` in the nicname becomes the number of the registration.
 *
 *   node register-many.ts URL COUNT NICNAME
 */
const [url = '', count = '0', nicname = ''] = process.argv.slice(2)
const CONCURRENCY = 8

/** One line of output: the HTTP status (0: the connection broke) and the body. */
export interface Reply {
  readonly nicname: string
  readonly status: number
  readonly body: { readonly id?: string; readonly code?: string; readonly ipv6_client?: string }
}

async function register(number: number): Promise<Reply> {
  const name = nicname.replace('#', String(number))
  const request = { ipv4: `198.51.100.${number}`, nicname: name, country: 'ca', os: 'linux' }
  try {
    const response = await fetch(`${url}/api/v1/tunnels`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
    return { nicname: name, status: response.status, body: (await response.json()) as Reply['body'] }
  } catch {
    return { nicname: name, status: 0, body: {} }
  }
}

const numbers = Array.from({ length: Number(count) }, (_, index) => index + 1).values()
const workers = Array.from({ length: CONCURRENCY }, async () => {
  for (const number of numbers) process.stdout.write(`${JSON.stringify(await register(number))}\n`)
})
await Promise.all(workers)

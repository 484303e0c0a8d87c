import type { Server } from '../spawn.ts'

/** Tunnels of documentation addresses, from anywhere, as many as anybody likes. */
export const LAB = `
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
[web]
registrations_per_hour = 0
`

/** Visitor `n` registers `hostN.ca` at an endpoint of its own. */
export function register(server: Server, n: number): Promise<Response> {
  return fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ipv4: `192.0.2.${n + 10}`, nicname: `host${n}`, country: 'ca', os: 'linux' }),
  })
}

export async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code
}

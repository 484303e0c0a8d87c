import { join } from 'node:path'
import type { Followed, Place, SecondaryKind } from '../secondary-kind.ts'

/** Debian's NSD, over TCP as its manual has it. */
export const NSD: SecondaryKind = {
  address: '127.0.0.4',
  command: config => ['nsd', '-d', '-V', '3', '-c', config],
  config: nsdConfig,
}

function nsdConfig(
  { primary, zones, secret, keyName }: Followed,
  { address, port, directory }: Place,
): string {
  return `server:
  ip-address: ${address}@${port}
  server-count: 1
  username: ""
  database: ""
  pidfile: ""
  zonesdir: "${directory}"
  xfrdfile: "${join(directory, 'xfrd.state')}"
  zonelistfile: "${join(directory, 'zone.list')}"
  xfrdir: "${directory}"
  verbosity: 3
remote-control:
  control-enable: no
key:
  name: "${keyName}"
  algorithm: hmac-sha256
  secret: "${secret}"
pattern:
  name: "followed"
  request-xfr: ${primary.address}@${primary.port} ${keyName}
  outgoing-interface: ${address}
  allow-notify: ${primary.address} ${keyName}
  provide-xfr: 127.0.0.0/8 NOKEY
${zones.map(name => `zone:\n  name: "${name}"\n  include-pattern: "followed"\n`).join('')}`
}

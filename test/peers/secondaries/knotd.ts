import type { Followed, Place, SecondaryKind } from '../secondary-kind.ts'

/** Debian's Knot DNS. */
export const KNOTD: SecondaryKind = {
  address: '127.0.0.3',
  command: config => ['knotd', '-c', config],
  config: knotConfig,
  full: /AXFR, incoming, .*finished/g,
  incremental: /IXFR, incoming, .*finished/g,
}

function knotConfig(
  { primary, zones, catalog, secret, keyName }: Followed,
  { address, port, directory }: Place,
): string {
  return `server:
  listen: ${address}@${port}
  rundir: "${directory}"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 2
database:
  storage: "${directory}"
log:
  - target: stderr
    any: info
key:
  - id: ${keyName}
    algorithm: hmac-sha256
    secret: ${secret}
remote:
  - id: primary
    address: ${primary.address}@${primary.port}
    via: ${address}
    key: ${keyName}
acl:
  - id: primary
    address: ${primary.address}
    key: ${keyName}
    action: notify
  - id: dump
    address: ${address}
    action: transfer
template:
  - id: default
    storage: "${directory}"
    zonefile-sync: -1
    zonefile-load: none
    journal-content: all
    master: primary
    acl: [primary, dump]
zone:
${zones.map(name => `  - domain: "${name}"\n`).join('')}${
  catalog === undefined
    ? ''
    : `  - domain: "${catalog}"\n    catalog-role: interpret\n    catalog-template: default\n`
}`
}

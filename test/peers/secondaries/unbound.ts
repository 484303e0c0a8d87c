import { join } from 'node:path'
import type { Followed, Place, SecondaryKind } from '../secondary-kind.ts'

/** Debian's Unbound with auth-zones: it knows no TSIG for them, and gives them to nobody. */
export const UNBOUND: SecondaryKind = {
  address: '127.0.0.1', // it transfers from wherever the system sends it, whatever outgoing-interface says
  command: config => ['unbound', '-d', '-d', '-c', config],
  config: unboundConfig,
  isUnsigned: true,
  zoneFile,
}

function unboundConfig({ primary, zones }: Followed, { address, port, directory }: Place): string {
  return `server:
  interface: ${address}@${port}
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "${directory}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 4
  num-threads: 1
  module-config: "iterator"
  local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
${zones
  .map(
    name => `auth-zone:
  name: "${name}"
  primary: ${primary.address}@${primary.port}
  allow-notify: ${primary.address}
  for-downstream: yes
  for-upstream: no
  fallback-enabled: no
  zonefile: "${zoneFile(name, directory)}"
`,
  )
  .join('')}`
}

function zoneFile(zone: string, directory: string): string {
  return join(directory, `${zone}zone`)
}

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Followed, Place, SecondaryKind } from '../secondary-kind.ts'

/** EURid's YADIFA as Debian has it. */
export const YADIFAD: SecondaryKind = {
  address: '127.0.0.5',
  command: config => ['yadifad', '--nodaemon', '-c', config],
  config: yadifadConfig,
  prepare: (_, { directory }) => {
    for (const name of ['zones', 'keys', 'xfr', 'log']) mkdirSync(join(directory, name), { recursive: true })
  },
}

function yadifadConfig(
  { primary, zones, secret, keyName }: Followed,
  { address, port, directory }: Place,
): string {
  return `<main>
  daemon off
  chroot off
  logpath "${join(directory, 'log')}"
  pidfile "${join(directory, 'yadifad.pid')}"
  datapath "${join(directory, 'zones')}"
  keyspath "${join(directory, 'keys')}"
  xfrpath "${join(directory, 'xfr')}"
  user root
  group root
  port ${port}
  listen ${address}
  statistics off
  allow-query any
  allow-update none
  allow-transfer loopback
  allow-notify any
</main>
<rrl>
  enabled false
</rrl>
<channels>
  out STDOUT
</channels>
<loggers>
  database PROD out
  dnssec PROD out
  server PROD out
  system PROD out
  zone PROD out
</loggers>
<key>
  name ${keyName}
  algorithm hmac-sha256
  secret ${secret}
</key>
<acl>
  loopback 127.0.0.0/8
</acl>
${zones
  .map(
    name => `<zone>
  type secondary
  domain ${name}
  file ${name}zone
  primary ${primary.address} port ${primary.port} key ${keyName}
</zone>
`,
  )
  .join('')}`
}

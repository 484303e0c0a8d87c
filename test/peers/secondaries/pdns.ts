import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Followed, Place, SecondaryKind } from '../secondary-kind.ts'

export const SCHEMA = '/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql'

/** Debian's PowerDNS with the database of its package pdns-backend-sqlite3. */
export const PDNS: SecondaryKind = {
  address: '127.0.0.6',
  command: config => ['pdns_server', `--config-dir=${dirname(config)}`, '--daemon=no'],
  config: pdnsConfig,
  prepare: fillDatabase,
  ownFault: /unable to xfr zone \(PDNSException\): .*database is locked/g,
}

function pdnsConfig(_: Followed, { address, port, directory }: Place): string {
  return `launch=gsqlite3
gsqlite3-database=${join(directory, 'pdns.sqlite3')}
gsqlite3-pragma-synchronous=0
local-address=${address}
local-port=${port}
query-local-address=${address}
socket-dir=${directory}
secondary=yes
xfr-cycle-interval=1
retrieval-threads=1
allow-axfr-ips=127.0.0.0/8
guardian=no
loglevel=6
disable-syslog=yes
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=1
`
}
function fillDatabase({ primary, zones, catalog, secret, keyName }: Followed, { directory }: Place): void {
  const file = join(directory, 'pdns.sqlite3')
  if (existsSync(file)) return
  const from = `${primary.address}:${primary.port}`
  const domain = (zone: string, type: 'SLAVE' | 'CONSUMER', metadata: Readonly<Record<string, string>>) => {
    const name = zone.replace(/\.$/, '')
    const kinds = Object.entries(metadata).map(
      ([kind, content]) => `INSERT INTO domainmetadata (domain_id, kind, content)
  SELECT id, '${kind}', '${content}' FROM domains WHERE name = '${name}';
`,
    )
    return `INSERT INTO domains (name, master, type) VALUES ('${name}', '${from}', '${type}');\n${kinds.join('')}`
  }
  const key = { 'AXFR-MASTER-TSIG': keyName }
  const statements = `${readFileSync(SCHEMA, 'utf8')}
INSERT INTO tsigkeys (name, algorithm, secret) VALUES ('${keyName}', 'hmac-sha256', '${secret}');
${zones.map(zone => domain(zone, 'SLAVE', { ...key, IXFR: '1' })).join('')}
${catalog === undefined ? '' : domain(catalog, 'CONSUMER', key)}`
  execFileSync('sqlite3', [file], { input: statements })
}

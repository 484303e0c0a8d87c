import { join } from 'node:path'
import type { Followed, Place, SecondaryKind } from '../secondary-kind.ts'

/** Debian's BIND. */
export const NAMED: SecondaryKind = {
  address: '127.0.0.1', // it takes none that no interface has
  command: config => ['named', '-g', '-d', '3', '-n', '1', '-c', config],
  config: namedConfig,
  full: /got nonincremental response/g,
  incremental: /got incremental response/g,
}

function namedConfig(
  { primary, zones, catalog, tlsPort, certificate, secret, keyName }: Followed,
  { address, port, directory }: Place,
): string {
  const tls = tlsPort === undefined ? '' : ` tls ${certificate === undefined ? 'ephemeral' : 'primary'}`
  const from = `${primary.address} port ${tlsPort ?? primary.port} key "${keyName}"${tls};`
  return `${certificate === undefined ? '' : `tls primary { ca-file "${certificate}"; remote-hostname "localhost"; };\n`}key "${keyName}" { algorithm hmac-sha256; secret "${secret}"; };
options {
  directory "${directory}";
  pid-file none;
  session-keyfile "${join(directory, 'session.key')}";
  listen-on port ${port} { ${address}; };
  listen-on-v6 { none; };
  transfer-source ${address};
  allow-transfer { ${address}; };
  allow-notify { key "${keyName}"; };
  recursion no;
  dnssec-validation no;
  empty-zones-enable no;
  notify no;
  serial-query-rate 1000;
${catalog === undefined ? '' : `  catalog-zones { zone "${catalog}" default-primaries { ${from} } in-memory yes; };`}
};
controls { };
${[...zones, ...(catalog === undefined ? [] : [catalog])]
  .map((name, index) => `zone "${name}" { type secondary; file "${index}.zone"; primaries { ${from} }; };\n`)
  .join('')}`
}

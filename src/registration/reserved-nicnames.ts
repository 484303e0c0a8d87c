/** Names that nobody may register in any country, and why. */
const RESERVED = {
  /** Names that hosts look for by themselves: their owner would be asked for everybody's configuration. */
  lookedFor: 'localhost wpad isatap autoconfig autodiscover mta-sts broadcasthost local',
  /** Names that would pass for a service of ours or of the country. */
  services:
    'www www1 www2 web mail mx mx1 mx2 smtp imap pop pop3 webmail ftp sftp ssh vpn proxy dns dns1 dns2 resolver ntp ' +
    'time ldap sip voip tftp git api app cdn static assets images blog docs wiki forum chat shop portal tunnel ' +
    'tunnels broker gw gateway router firewall server host tic tsp whois rdap stun turn xmpp',
  nameservers: 'ns ns0 ns1 ns2 ns3 ns4 ns5 ns6 ns7 ns8 ns9',
  /** Names that would pass for the people behind it (RFC 2142 and custom). */
  people:
    'admin administrator root hostmaster postmaster webmaster abuse security noc support help info contact sales ' +
    'billing account accounts login signin register registry registrar status news official staff ' +
    'operator sysadmin system test example invalid null undefined',
  /** Our own. */
  own: 'freenet6 freenet',
} as const

const ALL: ReadonlySet<string> = new Set(Object.values(RESERVED).flatMap(names => names.split(' ')))

/** Whether a nicname, in lower case, is kept. */
export function isReservedNicname(nicname: string): boolean {
  return ALL.has(nicname)
}

/** What is fixed for a finding, in English: it is for operators. `what` may name the finding's parameters in braces. */
interface Sort {
  readonly severity: 'fault' | 'warning'
  readonly what: string
  /** Why it matters. */
  readonly why: string
  /** How to mend it. */
  readonly mend: string
}

const STALE =
  'Resolvers ask any of the servers: whoever meets this one gets names that are gone, or none that are new.'
const ONE_FEWER =
  'Resolvers lose seconds at it for every name that they do not remember, and have one server less.'

/** Everything that the doctor can find. A code is stable: programs may depend on it. docs/doctor.md lists them. */
export const SORTS = {
  'not-running': {
    severity: 'fault',
    what: 'nothing listens on {socket}: freenet6 does not run',
    why: 'No name is answered and no tunnel is watched.',
    mend: 'systemctl start freenet6; if it ends again, journalctl -u freenet6 says why.',
  },
  'socket-gone': {
    severity: 'fault',
    what: 'process {pid} has the database, and nothing listens on {socket}',
    why: 'No command reaches it: it can not be reloaded, restarted without a gap, or looked into.',
    mend: 'If it is starting, or is a command (ps -o cmd {pid}), ask again in a minute. Else its socket was removed, or control.socket has changed: systemctl restart freenet6.',
  },
  'process-silent': {
    severity: 'fault',
    what: 'process {pid} gives no reply on {socket}',
    why: 'It hangs: names may be answered by its threads, but nothing changes and no tunnel is watched.',
    mend: 'See ps -o pid,stat,wchan,cmd {pid}: with T it was stopped, and kill -CONT {pid} lets it go on; with D it waits for a disk or the kernel. Else see the log, then systemctl restart freenet6.',
  },
  'own-silent': {
    severity: 'fault',
    what: 'our own server {server} does not answer for {zone}: {reason}',
    why: 'All else is compared with what it says; secondaries copy from it.',
    mend: 'See /healthz and the log; check dns.listen and the zone file.',
  },
  'parent-unknown': {
    severity: 'warning',
    what: 'the delegation of {zone} can not be looked up: no server of {cut} answers ({reason})',
    why: 'Nothing can be said of the delegation from here; others may see it.',
    mend: 'Check that this machine reaches other nameservers (UDP and TCP, port 53), and ask again.',
  },
  'not-delegated': {
    severity: 'fault',
    what: '{parent} delegates no zone {zone} (said {said})',
    why: 'No resolver finds its names.',
    mend: 'Ask the parent (registrar for the forward zone, who gave you the prefix for the reverse zone) for NS records: {ours}.',
  },
  'ns-not-ours': {
    severity: 'fault',
    what: '{parent} sends resolvers for {zone} to {server}, which is not among its NS records',
    why: 'A server that is not ours may answer something else, or nothing.',
    mend: 'Have it removed at the parent, or add it to the zone’s NS records.',
  },
  'ns-not-at-parent': {
    severity: 'warning',
    what: '{server} is an NS of {zone}, and {parent} does not send resolvers to it',
    why: 'It is asked by few, and does not help when the others are down.',
    mend: 'Ask the parent to add it, or remove it from the zone.',
  },
  'glue-missing': {
    severity: 'fault',
    what: '{parent} gives no address for {server}, which lies within {zone}',
    why: 'To ask for its address a resolver would have to know it already.',
    mend: 'Have its addresses put in at the parent: {ours}.',
  },
  'glue-differs': {
    severity: 'fault',
    what: '{parent} gives {glue} for {server}, the zone {ours}',
    why: 'Resolvers go to an address where nobody answers for us any more.',
    mend: 'Have the addresses at the parent changed, or correct those in the zone.',
  },
  'ns-unknown': {
    severity: 'warning',
    what: 'the addresses of {server}, an NS of {zone}, can not be looked up: no server of {cut} answers ({reason})',
    why: 'Whether resolvers find it can not be said from here.',
    mend: 'Check that this machine reaches other nameservers (UDP and TCP, port 53), and ask again.',
  },
  'ns-without-address': {
    severity: 'fault',
    what: '{server}, an NS of {zone}, has no address',
    why: ONE_FEWER,
    mend: 'Give it an A and an AAAA record where its zone is served.',
  },
  'one-server': {
    severity: 'warning',
    what: '{zone} is served from one address alone: {address}',
    why: 'When that machine or its network is down, all names are (RFC 2182).',
    mend: 'Add a secondary in another network.',
  },
  'cut-off': {
    severity: 'warning',
    what: 'servers with {family} addresses can not be asked from here ({reason})',
    why: 'What is said of them below is about their other addresses alone.',
    mend: 'Run the doctor where there is {family} too.',
  },
  silent: {
    severity: 'fault',
    what: '{server} says nothing about {zone}, neither over UDP nor over TCP: {reason}',
    why: ONE_FEWER,
    mend: 'Is the machine up, is the address right, does the server run, does a firewall let port 53 through?',
  },
  'no-udp': {
    severity: 'fault',
    what: '{server} says nothing over UDP about {zone}: {reason}',
    why: ONE_FEWER,
    mend: 'Is it running, does it listen on this address, does a firewall let port 53 through?',
  },
  'no-tcp': {
    severity: 'fault',
    what: '{server} says nothing over TCP about {zone}: {reason}',
    why: 'Long answers are fetched over TCP, and so is every answer while UDP is limited (RFC 7766).',
    mend: 'Open port 53 for TCP in the firewall, and have the server listen on it.',
  },
  'no-edns': {
    severity: 'fault',
    what: '{server} does not understand EDNS: {reason}',
    why: 'Resolvers try twice, or give up; cookies and long answers do not work (RFC 6891).',
    mend: 'Look for an old server, or for a firewall that drops what it does not know.',
  },
  refused: {
    severity: 'fault',
    what: '{server} answers {rcode} for {zone}',
    why: ONE_FEWER,
    mend: 'Its configuration lacks the zone, or it could not load or transfer it: see its log.',
  },
  lame: {
    severity: 'fault',
    what: '{server} does not answer for {zone} with authority',
    why: ONE_FEWER,
    mend: 'Configure the zone there as a secondary of this server; a resolver is no nameserver.',
  },
  'ns-differs': {
    severity: 'fault',
    what: '{server} says that the servers of {zone} are {theirs}; here they are {ours}',
    why: 'Resolvers believe whom they asked last.',
    mend: 'It serves another version of the zone: see the serial, and where it transfers from.',
  },
  'serial-old': {
    severity: 'fault',
    what: '{server} has serial {theirs} of {zone}; here it was {ours} {seconds} seconds before',
    why: STALE,
    mend: 'It hears no NOTIFY or can not transfer: see its log, dns.allow_transfer, its key and both clocks.',
  },
  'serial-ahead': {
    severity: 'fault',
    what: '{server} has serial {theirs} of {zone}, later than ours ({ours})',
    why: 'It will take no change from here until ours has caught up.',
    mend: 'It copies from another server, or an older database was put in here without `restore`: transfer the zone anew there.',
  },
  'names-differ': {
    severity: 'fault',
    what: '{server} says {theirs} for {type} {name}; the tunnel table has {ours}',
    why: STALE,
    mend: 'If the serial is right, run `freenet6 audit`; else see the transfer.',
  },
  'open-transfer': {
    severity: 'warning',
    what: '{server} gave {zone} to this machine, without a key',
    why: 'If it does so for everybody, everybody can list all tunnels, and make it send much.',
    mend: 'Allow transfers for the secondaries’ addresses or keys alone (dns.allow_transfer; allow-transfer, provide-xfr, acl elsewhere).',
  },
  'clock-free': {
    severity: 'warning',
    what: 'the clock is not kept by any time service',
    why: 'Signed transfers fail when two clocks are five minutes apart (RFC 8945).',
    mend: 'Run systemd-timesyncd or chrony.',
  },
  'disk-low': {
    severity: 'fault',
    what: '{path} has {free} MiB left, {percent} percent',
    why: 'On a full disk nobody can register, and no change of a tunnel is kept.',
    mend: 'Make room, or move data_dir.',
  },
  'dry-run': {
    severity: 'fault',
    what: 'no interface is made: this is a dry run ({driver})',
    why: 'Names are answered, and no packet goes through any tunnel.',
    mend: 'Load the module sit, give CAP_NET_ADMIN, install iproute2 and nftables; or take driver = "dry-run" out.',
  },
  'command-missing': {
    severity: 'fault',
    what: '{command} is not installed',
    why: 'Interfaces, routes and the source filter are made with it.',
    mend: 'apt-get install {package}',
  },
  'capability-missing': {
    severity: 'fault',
    what: 'the running process lacks {capability}',
    why: '{use} takes it.',
    mend: 'Use the unit of deploy/systemd, or give it with AmbientCapabilities.',
  },
  'forwarding-off': {
    severity: 'fault',
    what: 'the kernel does not forward IPv6',
    why: 'Packets of tunnels end here.',
    mend: 'sysctl -w net.ipv6.conf.all.forwarding=1; for good: deploy/systemd/freenet6.sysctl.conf.',
  },
  'filter-drops': {
    severity: 'fault',
    what: 'our own packet filter drops {traffic} from whoever was not heard of before (chain {chain})',
    why: 'A new tunnel carries nothing, and one that was silent for some minutes nothing more.',
    mend: 'nft add rule there, before it drops: {rule}; deploy/freenet6.nft is a whole firewall.',
  },
  'own-trouble': {
    severity: 'fault',
    what: 'the running process says: {trouble}',
    why: '/healthz is 503 for as long as it says so.',
    mend: 'As the sentence says; the log has more.',
  },
  'own-warning': {
    severity: 'warning',
    what: 'the running process says: {warning}',
    why: 'Everybody is served, with less than there could be.',
    mend: 'As the sentence says; the log has more.',
  },
  'audit-differs': {
    severity: 'fault',
    what: '{differences} records differed between DNS and the tunnel table, and were mended now',
    why: 'Somebody was given a wrong answer until now.',
    mend: 'Expected after an edit by hand; otherwise report it, please.',
  },
  'interfaces-differ': {
    severity: 'fault',
    what: '{interfaces} interfaces or routes were not as the tunnel table has them; they were mended now, or can not be',
    why: 'Their tunnels carried nothing, or something of another tunnel’s.',
    mend: 'Look for who else changes interfaces; the log has what could not be mended.',
  },
} as const satisfies Readonly<Record<string, Sort>>

export type FindingCode = keyof typeof SORTS

/** One thing that is wrong, with what an operator needs to mend it. */
export interface Finding {
  readonly code: FindingCode
  readonly severity: 'fault' | 'warning'
  readonly what: string
  readonly why: string
  readonly mend: string
}

/** Fills the words of a finding; a parameter that they do not name is passed over. */
export function finding(code: FindingCode, params: Readonly<Record<string, string | number>> = {}): Finding {
  const { severity, what, why, mend }: Sort = SORTS[code]
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, name) => String(params[name] ?? ''))
  return { code, severity, what: fill(what), why: fill(why), mend: fill(mend) }
}

/** ISC's and RFC 8906's questions about compliance, as dig asks them, on UDP and TCP, IPv4 and IPv6. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { missingPackages } from '../packages.ts'
import { hasIpv6Loopback, type Server, startServer } from '../spawn.ts'

const FAMILIES = hasIpv6Loopback() ? ([4, 6] as const) : ([4] as const)
const TRANSPORTS = ['udp', 'tcp'] as const
/** All but QUERY and NOTIFY: IQUERY, STATUS, UPDATE, DSO and those that nobody has defined. */
const UNSERVED_OPCODES = [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
const noDig = await missingPackages(['dig'])

/** `big` has more to say than a datagram of 512 octets holds. */
const ZONE = `$ORIGIN freenet6.net.
$TTL 3600
@   SOA ns1 hostmaster 1 3600 900 604800 60
@   NS  ns1
ns1 A   192.0.2.53
${Array.from({ length: 20 }, (_, i) => `big TXT "${i} ${'x'.repeat(60)}"`).join('\n')}
`

let dir: string
let server: Server

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-rfc8906-'))
  mkdirSync(join(dir, 'zones'))
  writeFileSync(join(dir, 'zones', 'freenet6.net.zone'), ZONE)
  server = await startServer({ dir })
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

/**
 * The questions of RFC 8906 8 as dig asks them: arguments, then what its output must and must not hold. All are sent
 * with the apex as the name unless the arguments say else.
 */
interface DigCase {
  readonly says: string
  readonly args: readonly string[]
  readonly has: readonly RegExp[]
  readonly lacks?: readonly RegExp[]
}

const SOA_ANSWER = /\nfreenet6\.net\.\s+\d+\s+IN\s+SOA\s/
/** Only what the zones say is authoritative: never an error about the message or its sender. */
const AUTHORITATIVE = /flags:[^;]* aa[ ;]/
const OPT_VERSION_0 = /EDNS: version: 0,/
const DIG_CASES: readonly DigCase[] = [
  {
    says: '8.1.1 plain query',
    args: ['+noedns'],
    has: [/NOERROR/, SOA_ANSWER, /flags: qr aa/],
    lacks: [/EDNS: version/],
  },
  {
    says: '8.1.2 unknown type',
    args: ['+noedns', '-t', 'TYPE1000'],
    has: [/NOERROR/, /ANSWER: 0, AUTHORITY: 1/],
  },
  { says: '8.1.3.1 CD=1', args: ['+noedns', '+cd'], has: [/NOERROR/, SOA_ANSWER, /flags: qr aa cd;/] },
  { says: '8.1.3.2 AD=1', args: ['+noedns', '+ad'], has: [/NOERROR/, SOA_ANSWER], lacks: [/flags:[^;]* ad/] },
  {
    says: '8.1.3.3 reserved bit',
    args: ['+noedns', '+zflag'],
    has: [/NOERROR/, SOA_ANSWER],
    lacks: [/MBZ: 0x4/],
  },
  { says: '8.1.3.4 RD=1', args: ['+noedns', '+rd'], has: [/NOERROR/, SOA_ANSWER, /flags: qr aa rd;/] },
  { says: '8.1.4 unknown opcode', args: ['+noedns', '+opcode=15', '+header-only'], has: [/status: NOTIMP/] },
  { says: '8.2.1 EDNS version 0', args: ['+edns=0'], has: [/NOERROR/, SOA_ANSWER, OPT_VERSION_0] },
  {
    says: '8.2.2 EDNS version 1',
    args: ['+edns=1', '+noednsneg'],
    has: [/BADVERS/, OPT_VERSION_0],
    lacks: [SOA_ANSWER],
  },
  {
    says: '8.2.3 unknown option',
    args: ['+edns=0', '+ednsopt=100'],
    has: [/NOERROR/, SOA_ANSWER, OPT_VERSION_0],
    lacks: [/OPT=100/],
  },
  {
    says: '8.2.4 unknown flags',
    args: ['+edns=0', '+ednsflags=0x40'],
    has: [/NOERROR/, SOA_ANSWER, OPT_VERSION_0],
    lacks: [/MBZ/],
  },
  {
    says: '8.2.5 version 1 with unknown flags',
    args: ['+edns=1', '+noednsneg', '+ednsflags=0x40'],
    has: [/BADVERS/, OPT_VERSION_0],
    lacks: [SOA_ANSWER, /MBZ/],
  },
  {
    says: '8.2.6 version 1 with an unknown option',
    args: ['+edns=1', '+noednsneg', '+ednsopt=100'],
    has: [/BADVERS/, OPT_VERSION_0],
    lacks: [SOA_ANSWER, /OPT=100/],
  },
  {
    says: '8.2.7 DO=1',
    args: ['+edns=0', '+dnssec'],
    has: [/NOERROR/, SOA_ANSWER, /version: 0, flags: do;/],
  },
  {
    says: '8.2.8 version 1 and DO=1',
    args: ['+edns=1', '+noednsneg', '+dnssec'],
    has: [/BADVERS/, OPT_VERSION_0],
    lacks: [SOA_ANSWER],
  },
  {
    says: '8.2.9 several options',
    args: ['+edns=0', '+nsid', '+subnet=0/0', '+expire', '+cookie'],
    has: [/NOERROR/, SOA_ANSWER, OPT_VERSION_0],
  },
  {
    says: '8.1.2 types that are not known, with DO',
    args: ['+dnssec', '-t', 'TYPE65280'],
    has: [/NOERROR/, /ANSWER: 0, AUTHORITY: 1/, /flags: do;/],
  },
  { says: 'RRSIG asked for', args: ['+dnssec', '-t', 'RRSIG'], has: [/NOERROR/, /ANSWER: 0, AUTHORITY: 1/] },
  {
    says: 'DNSKEY asked for',
    args: ['+dnssec', '-t', 'DNSKEY'],
    has: [/NOERROR/, /ANSWER: 0, AUTHORITY: 1/],
  },
  { says: 'type 0', args: ['-t', 'TYPE0'], has: [/NOERROR/, /ANSWER: 0, AUTHORITY: 1/] },
  { says: 'type 65535', args: ['-t', 'TYPE65535'], has: [/NOERROR/, /ANSWER: 0, AUTHORITY: 1/] },
  { says: 'OPT as a question', args: ['-t', 'TYPE41'], has: [/FORMERR/] },
  { says: 'TKEY as a question', args: ['-t', 'TYPE249'], has: [/FORMERR/] },
  { says: 'TSIG as a question', args: ['-t', 'TYPE250'], has: [/FORMERR/] },
  { says: 'MAILB', args: ['-t', 'TYPE253'], has: [/NOTIMP/] },
  { says: 'MAILA', args: ['-t', 'TYPE254'], has: [/NOTIMP/] },
  { says: 'ANY', args: ['-t', 'ANY'], has: [/NOERROR/, /ANSWER: [12],/] },
  { says: 'NXNAME', args: ['-t', 'TYPE128'], has: [/FORMERR/, /EDE: 30/] },
  {
    says: 'a payload size of 0',
    args: ['+bufsize=0', '+dnssec'],
    has: [/NOERROR/, SOA_ANSWER, /flags: do;/],
  },
  { says: 'a payload size of 65535', args: ['+bufsize=65535'], has: [/NOERROR/, SOA_ANSWER, /udp: 1232/] },
  {
    says: 'unknown options, flags and DO together',
    args: ['+ednsopt=65001:00ff', '+ednsflags=0x7fbf', '+dnssec'],
    has: [/NOERROR/, SOA_ANSWER, /flags: do;/],
    lacks: [/MBZ/, /OPT=65001/],
  },
  {
    says: 'version 255',
    args: ['+edns=255', '+noednsneg'],
    has: [/BADVERS/, OPT_VERSION_0],
    lacks: [SOA_ANSWER],
  },
  {
    says: 'AA, RA and TC in a query mean nothing',
    args: ['+aaflag', '+raflag', '+tcflag'],
    has: [/NOERROR/, SOA_ANSWER, /flags: qr aa;/],
  },
  {
    says: 'version.bind in class CH',
    args: ['-c', 'CH', '-t', 'TXT', '-q', 'version.bind'],
    has: [/NOERROR/, /ANSWER: 1/],
  },
  {
    says: 'id.server in class CH',
    args: ['-c', 'CH', '-t', 'TXT', '-q', 'id.server'],
    has: [/NOERROR/, /ANSWER: 1/],
  },
  {
    says: 'another name in class CH',
    args: ['-c', 'CH', '-t', 'TXT', '-q', 'authors.bind'],
    has: [/REFUSED/],
  },
  { says: 'the zone in class CH', args: ['-c', 'CH', '-t', 'SOA'], has: [/REFUSED/] },
  { says: 'class ANY', args: ['-c', 'ANY', '-t', 'SOA'], has: [/REFUSED/] },
  { says: 'class NONE', args: ['-c', 'CLASS254', '-t', 'SOA'], has: [/REFUSED/] },
  { says: 'class HS', args: ['-c', 'HS', '-t', 'SOA'], has: [/REFUSED/] },
  ...UNSERVED_OPCODES.flatMap(opcode => [
    {
      says: `opcode ${opcode} without a question`,
      args: [`+opcode=${opcode}`, '+header-only'],
      has: [/NOTIMP/],
    },
    {
      says: `opcode ${opcode} in class NONE with DO`,
      args: [`+opcode=${opcode}`, '-c', 'CLASS254', '-t', 'SOA', '+dnssec'],
      has: [/NOTIMP/],
    },
  ]),
  { says: 'NOTIFY for our zone', args: ['+opcode=NOTIFY', '-t', 'SOA'], has: [/REFUSED/] },
  {
    says: 'NOTIFY for another zone',
    args: ['+opcode=NOTIFY', '-t', 'SOA', '-q', 'elsewhere.test'],
    has: [/NOTAUTH/],
  },
  { says: 'NOTIFY in class CH', args: ['+opcode=NOTIFY', '-c', 'CH', '-t', 'SOA'], has: [/NOTAUTH/] },
  { says: 'a query without a question', args: ['+header-only', '+noedns'], has: [/FORMERR/] },
]

suite('dig, as RFC 8906 8 asks', { skip: noDig ?? false, concurrency: 4 }, () => {
  for (const { says, args, has, lacks = [] } of DIG_CASES) {
    for (const transport of TRANSPORTS) {
      test(`${says}, ${transport.toUpperCase()}`, async () => {
        const outputs = await Promise.all(FAMILIES.map(family => dig(family, transport, args)))
        for (const stdout of outputs) {
          for (const pattern of has) assert.match(stdout, pattern)
          for (const pattern of lacks) assert.doesNotMatch(stdout, pattern)
          if (!/status: NOERROR/.test(stdout)) assert.doesNotMatch(stdout, AUTHORITATIVE)
        }
      })
    }
  }
})

suite('dig asks for more than it takes', { skip: noDig ?? false }, () => {
  const BIG = ['-q', 'big.freenet6.net', '-t', 'TXT', '+dnssec', '+bufsize=512']

  for (const family of FAMILIES) {
    test(`a truncated reply has its OPT, with DO, IPv${family}`, async () => {
      const stdout = await dig(family, 'udp', BIG)
      for (const pattern of [/NOERROR/, /flags: qr aa tc;/, OPT_VERSION_0, /flags: do;/])
        assert.match(stdout, pattern)
    })

    test(`over TCP the payload size means nothing, IPv${family}`, async () => {
      const stdout = await dig(family, 'tcp', BIG)
      for (const pattern of [/NOERROR/, /flags: qr aa;/, /ANSWER: 20,/, OPT_VERSION_0])
        assert.match(stdout, pattern)
    })
  }
})

async function dig(family: 4 | 6, transport: 'udp' | 'tcp', args: readonly string[]): Promise<string> {
  const { address, port } = server.endpoint(family)
  const how = transport === 'tcp' ? ['+tcp'] : ['+notcp', '+ignore']
  // dig's defaults are put aside: RD, AD, cookies, tries.
  const fixed = ['+norec', '+noad', '+nocookie', '+tries=1', '+time=5', ...how]
  const name = args.includes('-q') ? [] : ['-q', 'freenet6.net']
  const type = args.includes('-t') || args.includes('+header-only') ? [] : ['-t', 'SOA']
  const words = [`@${address}`, '-p', String(port), ...fixed, ...name, ...type, ...args]
  return (await promisify(execFile)('dig', words)).stdout
}

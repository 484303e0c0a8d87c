import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { formatRdata } from '../../src/text/rdata.ts'
import { typeText } from '../../src/wire/codes.ts'
import { formatName, lowerCaseName, parseName } from '../../src/wire/name.ts'
import { type MasterFile, readMasterFile } from '../../src/zone-file/master-file.ts'
import type { ZoneFault } from '../../src/zone-file/zone-fault.ts'
import { missingPackages } from '../packages.ts'

const ORIGIN = 'example.net.'
const CORPUS = join(import.meta.dirname, '../corpus/master-file')

const APEX = '$TTL 300\n@ SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n'
const LONG = 'x'.repeat(256)

/** Each is refused behind a good apex. */
const REFUSED = [
  'a A 192.0.2',
  'a A 192.0.2.256',
  'a A 192.0.2.1 192.0.2.2',
  'a A',
  'a AAAA 2001:db8',
  'a AAAA 2001:db8::1::2',
  'a NOSUCHTYPE x',
  'a IN IN A 192.0.2.1',
  'a CH TXT x',
  'a TYPE255 \\# 0',
  'a MX mail',
  'a MX 65536 mail',
  'a MX 10',
  'a TXT',
  'a TXT "open',
  'a TXT ( x',
  'a TXT x )',
  `a TXT ${LONG}`,
  'a TXT \\256',
  'a TXT \\1x',
  `${LONG.slice(0, 64)} A 192.0.2.1`,
  `${'a.'.repeat(127)}b A 192.0.2.1`,
  'a..b A 192.0.2.1',
  '.a A 192.0.2.1',
  'a SRV 0 0 x',
  'a SRV 0 0 65536 x',
  'a CAA 0 is-sue x',
  'a CAA 256 issue x',
  'a DS 1 8 2 00',
  'a DS 1 8 2 zz',
  'a TLSA 3 1 1 0',
  'a DNSKEY 256 3 8 =AAA',
  'a LOC 91 N 0 E 0m',
  'a LOC 60 9 N 24 39 X 10',
  'a LOC 60 60 N 24 39 E 10',
  'a SVCB 1 . alpn=h2 alpn=h3',
  'a SVCB 1 . port=65536',
  'a SVCB 1 . mandatory=port',
  'a SVCB 1 . mandatory=mandatory',
  'a SVCB 1 . no-default-alpn=x',
  'a SVCB 1 . port',
  'a SVCB 1 . no-default-alpn',
  'a SVCB 1 . nosuchkey=1',
  'a SVCB 1 . ipv4hint=2001:db8::1',
  'a TYPE65280 \\# 2 00',
  'a TYPE65280 \\# 1 0',
  'a TYPE65280 00',
  'a A \\# 3 c00002',
  'a MX \\# 4 000ac000',
  'a CSYNC 1 0 NOSUCHTYPE',
  'a NAPTR 1 1 u x y',
  'a SVCB 1 . key6="2001:db8::1"',
  'a SVCB 1 . key1=h2',
  'a SVCB 1 . no-default-alpn=""',
  'a RRSIG A 8 2 60 20300231000000 0 1 @ AQ==',
  'a RRSIG NOSUCHTYPE 8 2 60 1 0 1 @ AQ==',
  'a KEY 256 3 8',
  'a KEY NOSUCHFLAG 3 8 AQID',
  'a X25 123',
  'a X25 abcde',
  'a WKS 192.0.2.1 TCP nosuch',
  'a NSAP 1234',
  'a NSAP 0x123',
  'a NXT b TYPE200',
  'a ATMA 12.',
  'a CERT NOSUCHTYPE 0 0 AQID',
  'a CERT 0 0 0',
  'a A6 129 ::',
  'a A6 0',
  'a APL 3:abc/3',
  'a APL 1:192.0.2.0/33',
  'a IPSECKEY 10 4 2 . AQID',
  'a IPSECKEY 10 0 2 AQID',
  'a AMTRELAY 10 2 0 .',
  'a AMTRELAY 10 0 0',
  'a HIP 2 2001',
  'a HIP 2 200 AQID',
  'a NSEC3 1 0 0 abc 2vptu5timamqttgl4luu9kg21e0aor3s',
  'a NSEC3 1 0 0 - 2vptu5timamqttgl4luu9kg21e0aowxy',
  'a DHCID AAA',
  'a NID 10 1:2:3',
  'a L64 10 1:2:3:12345',
  'a EUI48 00-00-5e-00-53',
  'a EUI48 00:00:5e:00:53:2a',
  'a EUI64 00-00-5e-00-53-2a',
  'a RKEY 1 3 8 AQID',
  'a DSYNC CDS NOSUCHSCHEME 53 b',
  'a DOA 0 1 2 ""',
  '$ORIGIN',
  '$ORIGIN a..b',
  '$TTL',
  '$TTL soon',
  '$TTL 1h30',
  '$INCLUDE no-such-file',
  '$NOSUCH x',
  '$GENERATE 2-1 a$ A 192.0.2.$',
  '$GENERATE 1-2 a$ A 192.0.2.300',
  '$GENERATE 1-2 a$',
]

const missing = await missingPackages(['named-compilezone'])

describe('a zone is read as named-compilezone reads it', { skip: missing ?? false }, () => {
  for (const name of readdirSync(CORPUS)) {
    test(basename(name, '.zone').replaceAll('-', ' '), async () => {
      const text = readFileSync(join(CORPUS, name))
      assert.deepEqual(ourRecords(text), await namedRecords(text))
    })
  }
})

describe('what named-compilezone refuses is refused', { skip: missing ?? false }, () => {
  for (const line of REFUSED) {
    test(JSON.stringify(line.slice(0, 60)), async () => {
      const text = Buffer.from(`${APEX}${line}\n`)
      await assert.rejects(namedRecords(text), 'named-compilezone takes it')
      const faults = errorsIn(text)
      assert.equal(faults.length, 1)
      assert.equal(faults[0]?.line, 5)
    })
  }
})

function read(text: Uint8Array): MasterFile {
  const origin = parseName(ORIGIN)
  assert.ok(origin)
  return readMasterFile({ file: 'zone', text, origin })
}

function errorsIn(text: Uint8Array): ZoneFault[] {
  return read(text).faults.filter(({ severity }) => severity === 'error')
}

function ourRecords(text: Uint8Array): string[] {
  const { rrsets } = read(text)
  assert.deepEqual(errorsIn(text), [])
  const lines = rrsets.flatMap(({ owner, ttl, type, rdatas }) =>
    rdatas.map(
      rdata => `${formatName(lowerCaseName(owner))} ${ttl} IN ${typeText(type)} ${formatRdata(type, rdata)}`,
    ),
  )
  return lines.map(comparable).sort()
}

async function namedRecords(text: Uint8Array): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-zone-'))
  try {
    const file = join(directory, 'zone')
    writeFileSync(file, text)
    const args = ['-q', '-i', 'none', '-k', 'ignore', '-s', 'full', '-o', '-', ORIGIN, file]
    const { stdout } = await promisify(execFile)('named-compilezone', args, { encoding: 'latin1' })
    const lines = stdout.split('\n').filter(line => line !== '')
    return lines
      .map(line => comparable(line.replace(/^\S+/, owner => owner.toLowerCase()).replaceAll('\t', ' ')))
      .sort()
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** named breaks long hex and base64 with spaces, and gives the text of some types another shape with the same sense. */
function comparable(line: string): string {
  const words = line.replaceAll(/ +/g, ' ').replace(' key7=', ' dohpath=') // BIND 9.18 is older than RFC 9461
  const [, head, rdata = ''] =
    /^(\S+ \S+ IN (?:SSHFP|TLSA|SMIMEA|DS|CDS|DNSKEY|CDNSKEY|OPENPGPKEY|ZONEMD) )(.*)$/.exec(words) ?? []
  return head === undefined ? words : head + rdata.replaceAll(' ', '')
}

/** Whole files that are odd: loaded or refused as two of named, nsd and knotd do by their own checkers. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import { checkZoneFile } from '../../src/zone-file/file-report.ts'
import { missingPackages } from '../packages.ts'

const ORIGIN = 'example.net.'
const SOA = '$ORIGIN example.net.\n$TTL 300\n@ SOA ns1 h 1 2 3 4 5\n'
const APEX = `${SOA}@ NS ns1\nns1 A 192.0.2.1\n`

const FILES: Readonly<Record<string, string>> = {
  'a byte order mark': `\xef\xbb\xbf${APEX}`,
  'data outside the zone': `${APEX}other.example. A 192.0.2.1\n`,
  'a DNAME beside the NS of a cut': `${APEX}x DNAME a\nx NS ns1\n`,
  'data below a DNAME': `${APEX}x DNAME a\ny.x A 192.0.2.1\n`,
  'a DNAME at the apex, above its server': `${APEX}@ DNAME a.example.\n`,
  'a DNAME at the apex, alone': `${SOA}@ NS ns.example.\n@ DNAME a.example.\n`,
  'a server of the apex below a DNAME': `${APEX}@ NS n.x\nx DNAME a.example.\n`,
  'a server of a cut below a DNAME': `${APEX}z NS n.x\nx DNAME a.example.\n`,
  'a mail server below a DNAME': `${APEX}z MX 0 n.x\nx DNAME a.example.\n`,
  'data beside a DNAME': `${APEX}x DNAME a.example.\nx A 192.0.2.1\n`,
  'a CNAME beside a DNAME': `${APEX}x DNAME a.example.\nx CNAME a\n`,
  'two DNAMEs': `${APEX}x DNAME a.example.\nx DNAME b.example.\n`,
  'data beside a CNAME': `${APEX}x CNAME a\nx A 192.0.2.1\n`,
  'two CNAMEs': `${APEX}x CNAME a\nx CNAME b\n`,
  'an @ in the mailbox': APEX.replace(' h ', ' a@b '),
  'the SOA twice': `${APEX}@ SOA ns1 h 1 2 3 4 5\n`,
  'two SOA': `${APEX}@ SOA ns1 h 2 2 3 4 5\n`,
  'no NS': SOA,
  'no SOA': APEX.replace(/@ SOA.*\n/, ''),
  'a TTL of 32 bits': `${APEX}x 4294967295 A 192.0.2.1\n`,
  'a TLSA of a wrong length': `${APEX}x TLSA 3 1 1 00\n`,
  'a SSHFP of a wrong length': `${APEX}x SSHFP 1 1 00\n`,
  'a ZONEMD of a wrong length': `${APEX}@ ZONEMD 1 1 1 00\n`,
  'an NSEC without types': `${APEX}x NSEC .\n`,
  'alpn by number': `${APEX}x HTTPS 1 . key1=\\002h2\n`,
  'no-default-alpn with an empty value': `${APEX}x HTTPS 1 . alpn=h2 no-default-alpn=""\n`,
  'a service parameter of number 65535': `${APEX}x HTTPS 1 . key65535=a\n`,
  'an empty alpn': `${APEX}x HTTPS 1 . alpn=""\n`,
  'an IPSECKEY without key': `${APEX}x IPSECKEY 10 1 0 192.0.2.3\n`,
  'a hardware address of single digits': `${APEX}x EUI48 0-0-5e-00-53-2a\n`,
  'a prefix with host bits': `${APEX}x APL 1:192.168.32.1/21\n`,
}

let directory: string
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-verdict-'))
})
after(() => rmSync(directory, { recursive: true, force: true }))

const missing = await missingPackages(['named-compilezone', 'nsd-checkzone', 'kzonecheck'])

describe('we say what two of three say of a zone with', { skip: missing ?? false }, () => {
  for (const [title, text] of Object.entries(FILES)) {
    test(title, async () => {
      const file = join(directory, `${title.replaceAll(/\W/g, '-')}.zone`)
      writeFileSync(file, text, 'latin1')
      const verdicts = await Promise.all([
        isTaken('named-compilezone', ['-q', '-F', 'raw', '-o', '/dev/null', ORIGIN, file]),
        isTaken('nsd-checkzone', [ORIGIN, file]),
        isTaken('kzonecheck', ['-o', ORIGIN, file]),
      ])
      const { faults } = checkZoneFile(file, { origin: wireName(ORIGIN) })
      const isOurs = faults.every(({ severity }) => severity === 'warning')
      assert.equal(isOurs, verdicts.filter(Boolean).length >= 2, `${verdicts} ${JSON.stringify(faults)}`)
    })
  }
})

async function isTaken(program: string, args: readonly string[]): Promise<boolean> {
  try {
    await promisify(execFile)(program, args)
    return true
  } catch {
    return false
  }
}

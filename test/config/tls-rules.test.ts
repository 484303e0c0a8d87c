import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { parseConfig } from '../../src/config/config.ts'
import { tlsFileWarnings } from '../../src/config/tls-rules.ts'
import { makeCertificate } from '../certificate.ts'
import { missingPackages } from '../packages.ts'

const DAY_MS = 86_400_000

suite('a certificate of DNS over TLS', { skip: (await missingPackages(['openssl'])) ?? false }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-tls-rules-'))
  after(() => rmSync(dir, { recursive: true }))
  const { certificate, key } = makeCertificate(dir) // good for two days

  function warningsAt(days: number, file = certificate): string {
    const text = `[dns.tls]\nlisten = ["127.0.0.1:0"]\ncertificate = "${file}"\nkey = "${key}"\n`
    const reading = parseConfig(text, join(dir, 'freenet6.toml'))
    assert.ok(reading.kind === 'config')
    return tlsFileWarnings(reading.config, (Date.now() + days * DAY_MS) / 1000).join()
  }

  test('that ends within a week, or has ended, or is not good yet, is named with its time', () => {
    assert.match(
      warningsAt(0),
      /certificate = ".*tls\.pem": ends at 20\d\d-\d\d-\d\d \d\d:\d\d UTC: renew it, then reload$/,
    )
    assert.match(warningsAt(3), /: has ended at .* UTC: renew it, then reload$/)
    assert.match(warningsAt(-1), /: is good from .* UTC on, not yet$/)
  })

  test('whose chain has a part that ends sooner is named with that part: nobody can verify it without', () => {
    const lasting = makeCertificate(dir, { name: 'leaf', days: 30 }).certificate
    const chain = join(dir, 'chain.pem')
    writeFileSync(chain, `Comment\n${readFileSync(lasting, 'utf8')}\n${readFileSync(certificate, 'utf8')}`)
    assert.match(
      warningsAt(0, chain),
      /chain\.pem": CN=localhost above it ends at .*: renew it, then reload$/,
    )
    assert.match(warningsAt(3, chain), /chain\.pem": CN=localhost above it has ended at .* UTC/)
    assert.match(warningsAt(40, chain), /chain\.pem": CN=localhost above it has ended at .* UTC/)
  })

  test('that lasts for more than a week has nothing to be said of, nor one that can’t be read, which is a mistake', () => {
    const lasting = makeCertificate(dir, { name: 'lasting', days: 30 }).certificate
    assert.equal(warningsAt(0, lasting), '')
    assert.equal(warningsAt(0, join(dir, 'absent.pem')), '')
  })
})

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { aaaaQuestion, buildTable, questionMix } from '../../bench/table.ts'
import { exportZones } from '../../bench/zone-export.ts'

test('the zones that peers load hold every tunnel both ways and the static records', async t => {
  const work = mkdtempSync(join(tmpdir(), 'freenet6-export-'))
  t.after(() => rmSync(work, { recursive: true, force: true }))
  const zones = await exportZones(buildTable(work, 300))
  const text = new Map(zones.map(({ name, file }) => [name, readFileSync(file, 'utf8')]))
  const forward = text.get('freenet6.net') ?? ''
  const reverse = text.get('8.b.d.0.1.0.0.2.ip6.arpa') ?? ''
  assert.equal(forward.match(/^h[0-9]+\.[a-z]{2}\.freenet6\.net\. 60 IN AAAA /gm)?.length, 300)
  assert.equal(reverse.match(/ 60 IN PTR h[0-9]+\.[a-z]{2}\.freenet6\.net\.$/gm)?.length, 300)
  assert.match(forward, /^h7\.ao\.freenet6\.net\. 60 IN AAAA 2001:db8:0:7::2$/m)
  assert.match(forward, /^www\.freenet6\.net\. 3600 IN CNAME freenet6\.net\.$/m)
  for (const zone of [forward, reverse]) assert.match(zone, / IN SOA ns1\.freenet6\.net\. /)
})

test('questions are the same each time, in shares of 48, 48 and 4', () => {
  const mix = questionMix(1000, 20_000)
  assert.deepEqual(mix, questionMix(1000, 20_000))
  const share = (count: number) => Math.round((count / mix.length) * 100)
  const absent = mix.filter(({ answer }) => answer === undefined)
  const ptr = mix.filter(({ type }) => type === 'PTR')
  assert.deepEqual([share(absent.length), share(ptr.length)], [4, 48])
  assert.deepEqual(aaaaQuestion(7), { name: 'h7.ao.freenet6.net', type: 'AAAA', answer: '2001:db8:0:7::2' })
})

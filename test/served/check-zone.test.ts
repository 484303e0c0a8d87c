import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { runCli } from '../spawn.ts'

const APEX = '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n'

let directory: string
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-check-'))
})
after(() => rmSync(directory, { recursive: true, force: true }))

/** The other mistakes are in test/zone-file/file-report.test.ts. */
suite('check-zone', { concurrency: 2 }, () => {
  test('of a zone without mistakes ends with 0; a warning is none', async () => {
    writeFileSync(join(directory, 'example.net.zone'), `${APEX}sub NS ns.sub\n`)
    assert.deepEqual(await check('example.net.zone'), {
      code: 0,
      stdout: `example.net.zone:5:1: warning: sub.example.net. NS: ns.sub.example.net. has no address in the zone
example.net.zone: zone example.net. serial 1, 4 records, 0 errors, 1 warning
`,
      stderr: '',
    })
  })

  test('of a zone with a mistake ends with 1 and says file, line and column', async () => {
    writeFileSync(join(directory, 'wrong'), `${APEX}a A 192.0.2.300\n`)
    assert.deepEqual(await check('wrong', 'example.net'), {
      code: 1,
      stdout: `wrong:5:5: error: expected an IPv4 address, found "192.0.2.300"
wrong: zone example.net. serial 1, 3 records, 1 error, 0 warnings
`,
      stderr: '',
    })
  })

  test('that may leave records out names them and ends with 0', async () => {
    writeFileSync(join(directory, 'lenient'), `${APEX}a A 192.0.2.300\n`)
    assert.deepEqual(await check('--lenient', 'lenient', 'example.net'), {
      code: 0,
      stdout: `lenient:5:5: skipped: expected an IPv4 address, found "192.0.2.300"
lenient: zone example.net. serial 1, 3 records, 1 left out, 0 errors, 0 warnings
`,
      stderr: '',
    })
  })

  test('of a file that can not be read is a problem document for programs, and a line for people', async () => {
    for (const [file, reason] of [
      ['absent', 'there is no such file'],
      ['.', 'is no regular file'],
    ] as const) {
      const asked = await check('--json', file)
      const { code, status, detail } = JSON.parse(asked.stdout)
      assert.deepEqual(
        [asked.code, asked.stderr, code, status, detail],
        [1, '', 'file-unreadable', 404, `${file}: ${reason}.`],
      )
      const { code: exit, stdout } = await check(file)
      assert.deepEqual([exit, stdout.split('\n')[0]], [1, `${file}: error: ${reason}`])
    }
  })

  test('of a file that was read gives its faults, be it for programs', async () => {
    writeFileSync(join(directory, 'read'), `${APEX}$INCLUDE absent\n`)
    const { code, stdout } = await check('--json', 'read', 'example.net')
    const { faults, ...rest } = JSON.parse(stdout)
    assert.deepEqual([code, faults.length, rest], [1, 1, { records: 3, apex: 'example.net.', serial: 1 }])
  })

  test('with an origin that is no name, or no file, is a mistake of usage', async () => {
    for (const words of [['absent', 'a..b'], ['absent', ''], ['']]) {
      const { code, stdout, stderr } = await check(...words)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, /^freenet6: check-zone takes FILE \[ORIGIN\], ORIGIN a domain name/)
    }
  })

  test('without a file, or with too many words, is a mistake of usage', async () => {
    for (const words of [[], ['a', 'b', 'c']]) {
      const { code, stdout, stderr } = await check(...words)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, /^freenet6: check-zone takes FILE/)
    }
  })
})

function check(...words: readonly string[]) {
  return runCli(['check-zone', ...words], { dir: directory })
}

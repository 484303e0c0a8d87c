import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { withPart, writePart } from '../../bench/owned-part.ts'
import { restartSection } from '../../bench/restart-report.ts'

const BENCHMARKS = join(import.meta.dirname, '..', '..', 'docs', 'benchmarks.md')

let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-owned-part-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test('a command that writes its part again leaves the parts of others and what stands between them', () => {
  const file = join(dir, 'benchmarks.md')
  writePart(file, 'a', '# A\n')
  writePart(file, 'b', '## B\n')
  writeFileSync(file, `${readFileSync(file, 'utf8')}\nwritten by hand\n`)
  writePart(file, 'a', '# A once more\n\nlonger\n')
  assert.equal(
    readFileSync(file, 'utf8'),
    `<!-- written by a -->
# A once more

longer
<!-- end of a -->

<!-- written by b -->
## B
<!-- end of b -->

written by hand
`,
  )
})

test('a part that is written again as it was changes nothing', () => {
  const once = withPart('# by hand\n', 'a', 'the part')
  assert.equal(withPart(once, 'a', 'the part'), once)
})

for (const [name, text] of [
  ['without its end', 'x\n<!-- written by a -->\npart\n'],
  ['without its beginning', 'part\n<!-- end of a -->\nx\n'],
  ['twice', '<!-- written by a -->\n<!-- end of a -->\n<!-- written by a -->\n<!-- end of a -->\n'],
  ['the wrong way round', '<!-- end of a -->\n<!-- written by a -->\n'],
] as const)
  test(`a file with a part marked ${name} is not written`, () => {
    const file = join(dir, 'benchmarks.md')
    writeFileSync(file, text)
    assert.throws(() => writePart(file, 'a', 'new'), /the marks of a are not a pair/)
    assert.equal(readFileSync(file, 'utf8'), text)
  })

test('in docs/benchmarks.md both commands that write it find their part, and each leaves that of the other', () => {
  const text = readFileSync(BENCHMARKS, 'utf8')
  const written = withPart(text, 'npm run bench', '# Benchmarks')
  assert.ok(written.length < text.length / 2 && written.startsWith('<!-- written by npm run bench -->\n'))
  assert.equal(written.split('## Restarts under load').length, 2)
  const both = withPart(written, 'bench/restart.ts', '## Restarts')
  assert.match(
    both,
    /^# Benchmarks\n<!-- end of npm run bench -->\n\n<!-- written by bench\/restart.ts -->\n## Restarts\n/m,
  )
  assert.ok(both.endsWith(text.slice(text.indexOf('<!-- end of bench/restart.ts -->'))))
})

test('the section on restarts has the command it is of, and what each sender has lost', () => {
  const section = restartSection({
    args: ['--rate', '20000'],
    machine: ['2 cores'],
    tunnels: 100_000,
    reloads: 60,
    restarts: [3600, 5800],
    seconds: 87.2,
    senders: [
      { name: 'dnsperf', sent: 2_799_999, answered: 2_799_990, lost: 9, wrong: undefined },
      { name: 'checked', sent: 10, answered: 10, lost: 0, wrong: 0 },
    ],
    dropped: 7,
  })
  assert.match(section, /^## Restarts under load\n\n```sh\nnode bench\/restart.ts --rate 20000\n```\n/)
  assert.match(section, /60 reloads and 2 restarts in 87 s/)
  assert.match(section, /Restarts took 3.6, 5.8 s/)
  assert.match(
    section,
    /\| dnsperf \| 2,799,999 \| 2,799,990 \| 9 \| not looked at \|\n\| checked \| 10 \| 10 \| 0 \| 0 \|/,
  )
  assert.match(section, /dropped 7 for want of room/)
})

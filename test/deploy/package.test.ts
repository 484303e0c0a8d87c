/** What npm packs is complete: an operator who installs it has no clone to look into. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { before, test } from 'node:test'

const ROOT = join(import.meta.dirname, '..', '..')
let packed: ReadonlySet<string>
before(() => {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const [{ files }]: [{ files: readonly { path: string }[] }] = JSON.parse(stdout)
  packed = new Set(files.map(({ path }) => path))
})

test('the pages that the package has lead to no page that it lacks', () => {
  const pages = [...packed].filter(path => path.endsWith('.md'))
  assert.ok(pages.includes('README.md') && pages.includes('docs/operations.md'), pages.join(' '))
  const missing = pages.flatMap(page =>
    linksOf(page)
      .filter(target => !isPacked(target))
      .map(target => `${page}: ${target}`),
  )
  assert.deepEqual(missing, [])
})

test('no test, benchmark or database is in the package', () => {
  assert.deepEqual(
    [...packed].filter(path => /^(test|bench|data|node_modules)\//.test(path)),
    [],
  )
})

/** Paths below the package that a page links to. */
function linksOf(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8')
  return [...text.matchAll(/\]\((?!https?:|#|\/)([^)#\s]+)[^)]*\)/g)].map(([, target = '']) =>
    normalize(join(page, '..', target)).replace(/\/$/, ''),
  )
}

function isPacked(target: string): boolean {
  return packed.has(target) || [...packed].some(path => path.startsWith(`${target}/`))
}

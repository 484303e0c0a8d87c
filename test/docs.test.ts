import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '..')
/** Of a link in Markdown: what it leads to, without the place in the page. */
const TARGET = /\]\((?!https?:)([^)#\s]+)/g

test('every link of the documentation leads to a file that is there', () => {
  const links = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT }).flatMap(page =>
    [...withoutCode(readFileSync(join(ROOT, page), 'utf8')).matchAll(TARGET)].map(([, target = '']) => ({
      page,
      target,
    })),
  )
  assert.ok(links.length > 20)
  assert.deepEqual(
    links.filter(({ page, target }) => !existsSync(join(ROOT, dirname(page), target))),
    [],
  )
})

function withoutCode(text: string): string {
  return text.replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, '')
}

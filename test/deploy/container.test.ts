import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '..', '..')
const CONTAINERFILE = readFileSync(join(ROOT, 'deploy', 'Containerfile'), 'utf8')
const PACKAGE: unknown = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

test('what the container is made of is in the repository', () => {
  const copied = [...CONTAINERFILE.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, sources = '']) =>
    sources.split(' '),
  )
  assert.ok(copied.includes('src') && copied.includes('templates'))
  assert.deepEqual(
    copied.filter(source => !existsSync(join(ROOT, source))),
    [],
  )
})

test('the container has the Node that the package asks for', () => {
  const [, major] = /^FROM \S+\/node:(\d+)-/m.exec(CONTAINERFILE) ?? []
  assert.ok(typeof PACKAGE === 'object' && PACKAGE !== null && 'engines' in PACKAGE)
  assert.deepEqual(PACKAGE.engines, { node: `>=${major}` })
})

test('the container is built in the format that has a health check, which asks the process wherever its pages are', () => {
  assert.match(CONTAINERFILE, /^# +podman build --format docker /m)
  assert.match(CONTAINERFILE, /^HEALTHCHECK .* CMD freenet6 status --json /m)
  assert.match(CONTAINERFILE, /ln -s \/opt\/freenet6\/bin\/freenet6\.js \/usr\/local\/bin\/freenet6$/m)
})

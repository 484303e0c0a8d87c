import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NameSet } from '../../src/zone-file/name-set.ts'
import { nameOf } from '../zone/zone-text.ts'

test('a name is found again in another letter case, and no other name is', () => {
  const names = new NameSet()
  names.add(nameOf('www.Example.net.'))
  assert.equal(names.has(nameOf('WWW.example.NET.')), true)
  for (const other of ['example.net.', 'a.www.example.net.', 'wwwx.example.net.', 'ww.wexample.net.', '.'])
    assert.equal(names.has(nameOf(other)), false, other)
})

test('a name that is the end of another is found where it begins', () => {
  const names = new NameSet()
  names.add(nameOf('example.net.'))
  const below = nameOf('www.example.net.')
  assert.deepEqual([names.has(below), names.has(below, 4), names.has(below, 12)], [false, true, false])
})

test('the root and labels of odd octets are names like others', () => {
  const names = new NameSet()
  for (const text of ['.', 'a\\000.', 'a\\.b.']) names.add(nameOf(text))
  assert.deepEqual(
    ['.', 'a\\000.', 'a\\.b.', 'a.b.', 'a.'].map(text => names.has(nameOf(text))),
    [true, true, true, false, false],
  )
})

test('a name added twice counts once, and thousands keep apart', () => {
  const names = new NameSet()
  for (let i = 0; i < 5000; i++) {
    names.add(nameOf(`h${i}.example.`))
    names.add(nameOf(`H${i}.EXAMPLE.`))
  }
  assert.equal(names.size, 5000)
  for (let i = 0; i < 5000; i++) {
    assert.equal(names.has(nameOf(`h${i}.example.`)), true)
    assert.equal(names.has(nameOf(`g${i}.example.`)), false)
  }
})

test('an empty set has no name', () => {
  assert.equal(new NameSet().has(nameOf('.')), false)
})

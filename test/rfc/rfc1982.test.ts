import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextSerial, serialCompare, soaMinimum, soaSerial, soaWithSerial } from '../../src/zone/serial.ts'

const SOA = Buffer.concat([
  Buffer.from('\x01a\0\x01b\0', 'latin1'),
  Buffer.from('000000070000000100000002000000030000003c', 'hex'),
])

test('a serial ahead by less than half the circle is newer', () => {
  assert.equal(serialCompare(2, 1), 1)
  assert.equal(serialCompare(1, 2), -1)
  assert.equal(serialCompare(7, 7), 0)
})

test('the order of serials goes on across the wrap', () => {
  assert.equal(serialCompare(0, 4_294_967_295), 1)
  assert.equal(serialCompare(4_294_967_295, 0), -1)
  assert.equal(serialCompare(5, 4_294_967_000), 1)
})

test('serials exactly half the circle apart have no order', () => {
  assert.equal(serialCompare(0, 2 ** 31), undefined)
  assert.equal(serialCompare(2 ** 31 + 1, 1), undefined)
})

test('a jump of one less than half the circle is still a step forward', () => {
  assert.equal(serialCompare(2 ** 31 - 1, 0), 1)
})

test('the serial after the last is 0', () => {
  assert.equal(nextSerial(4_294_967_295), 0)
  assert.equal(nextSerial(0), 1)
})

test('serial and minimum are read from rdata', () => {
  assert.equal(soaSerial(SOA), 7)
  assert.equal(soaMinimum(SOA), 60)
})

test('another serial leaves the rest and the original alone', () => {
  const changed = soaWithSerial(SOA, 4_294_967_295)
  assert.equal(soaSerial(changed), 4_294_967_295)
  assert.equal(soaMinimum(changed), 60)
  assert.equal(soaSerial(SOA), 7)
})

/**
 * Compares what each system gets with the text that somebody has read and approved: a file a system in `snapshots/`.
 * UPDATE_SNAPSHOTS=1 writes them anew; read the difference before you commit it.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { render, SYSTEMS, type System, USUAL } from './render.ts'

const FOLDER = join(import.meta.dirname, 'snapshots')
const isUpdate = process.env.UPDATE_SNAPSHOTS === '1'

describe('the rendered text', () => {
  for (const system of SYSTEMS) {
    test(`for ${system} is the one that was approved`, () => {
      const file = join(FOLDER, `${system}.txt`)
      const text = snapshot(system)
      if (isUpdate) {
        mkdirSync(FOLDER, { recursive: true })
        writeFileSync(file, text)
      }
      assert.equal(text, readFileSync(file, 'utf8'))
    })
  }

  test('is approved for no system that there is not', () => {
    assert.deepEqual(readdirSync(FOLDER).sort(), SYSTEMS.map(system => `${system}.txt`).sort())
  })
})

function snapshot(system: System): string {
  const parts = (['up', 'down', 'notes'] as const).map(part => `==== ${part}\n${render(system, part, USUAL)}`)
  return parts.join('').replaceAll('\r\n', '\n')
}

/**
 * Compares what each system gets with the text that somebody has read and approved: a file a system in `snapshots/`, for
 * WireGuard in `snapshots/wireguard/`.
 * UPDATE_SNAPSHOTS=1 writes them anew; read the difference before you commit it.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { type Part, render, renderWireguard, SYSTEMS, USUAL, WIREGUARD_SYSTEMS } from './render.ts'

const FOLDER = join(import.meta.dirname, 'snapshots')
const isUpdate = process.env.UPDATE_SNAPSHOTS === '1'

describe('the rendered text', () => {
  for (const system of SYSTEMS) {
    test(`for ${system} is the one that was approved`, () =>
      assertApproved(`${system}.txt`, part => render(system, part, USUAL)))
  }

  for (const system of WIREGUARD_SYSTEMS) {
    test(`for WireGuard on ${system} is the one that was approved`, () =>
      assertApproved(join('wireguard', `${system}.txt`), part => renderWireguard(system, part)))
  }

  test('is approved for no system that there is not', () => {
    const files = [...SYSTEMS, ...WIREGUARD_SYSTEMS.map(system => `wireguard/${system}`)].map(
      name => `${name}.txt`,
    )
    const there = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    assert.deepEqual(there.filter(name => name !== 'wireguard').sort(), files.sort())
  })
})

function assertApproved(name: string, render: (part: Part) => string): void {
  const file = join(FOLDER, name)
  const parts = (['up', 'down', 'notes'] as const).map(part => `==== ${part}\n${render(part)}`)
  const text = parts.join('').replaceAll('\r\n', '\n')
  if (isUpdate) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  assert.equal(text, readFileSync(file, 'utf8'))
}

/** A script escapes nothing: whatever a row or the configuration holds, only what looks like itself may reach it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ScriptValueFault, type ScriptValues } from '../../src/portal/script-values.ts'
import { render, renderWireguard, SYSTEMS, USUAL, WIREGUARD_SYSTEMS } from './render.ts'

type Renderer = (part: (typeof PARTS)[number], values: ScriptValues) => string

const PARTS = ['up', 'down', 'notes'] as const
const NAMES = Object.keys(USUAL) as (keyof ScriptValues)[]
/** What ends a word, a line, a string or a comment in one of the languages, or opens a template. */
const DANGEROUS = [
  ...'\'"`$\\;&|<>(){}[]!#%^*?~\n\r\t \0',
  '\u2028',
  '{{name}}',
  '%PATH%',
  '$(reboot)',
  '\u202e',
]
/** All that a fit value is made of. */
const FIT = /^[A-Za-z0-9._:/[\]+=-]+$/
/** Values that not every kind of tunnel has. */
const MAY_BE_EMPTY: readonly (keyof ScriptValues)[] = [
  'ipv4Client',
  'publicKey',
  'serverPublicKey',
  'endpointIpv4',
  'routedPrefix',
  'routedNetwork',
  'routedAddress',
]

/** What renders a part of a system's text for a kind of tunnel. */
const renderer = fc.constantFrom<Renderer>(
  ...SYSTEMS.map(
    (system): Renderer =>
      (part, values) =>
        render(system, part, values),
  ),
  ...WIREGUARD_SYSTEMS.map(
    (system): Renderer =>
      (part, values) =>
        renderWireguard(system, part, values),
  ),
)
const name = fc.constantFrom(...NAMES)

describe('what is rendered for any system', () => {
  test('is a fault for a value with a dangerous character anywhere in it', () => {
    const place = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(
        renderer,
        name,
        fc.constantFrom(...DANGEROUS),
        place,
        (renderPart, field, danger, where) => {
          const usual = String(USUAL[field])
          const at = Math.round(where * usual.length)
          const value = usual.slice(0, at) + danger + usual.slice(at)
          assert.throws(() => renderAll(renderPart, { ...USUAL, [field]: value }), ScriptValueFault)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('holds nothing of a value of any kind that is not fit', () => {
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.anything())
    fc.assert(
      fc.property(renderer, name, anything, (renderPart, field, value) => {
        const values = { ...USUAL, [field]: value }
        try {
          renderAll(renderPart, values)
        } catch (error) {
          assert.ok(error instanceof ScriptValueFault)
          return
        }
        if (value !== '' || !MAY_BE_EMPTY.includes(field)) assert.match(String(value), FIT)
      }),
      { numRuns: 1500 },
    )
  })
})

function renderAll(renderPart: Renderer, values: ScriptValues): void {
  for (const part of PARTS) renderPart(part, values)
}

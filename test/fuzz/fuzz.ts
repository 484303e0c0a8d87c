import { test } from 'node:test'
import fc from 'fast-check'

/** Seconds that each property is tried for. FREENET6_FUZZ_SECONDS asks for more, minutes at night. */
const SECONDS = Number(process.env.FREENET6_FUZZ_SECONDS ?? 0.8)
/** What a failure prints; FREENET6_SEED finds it again. */
const SEED = Number(process.env.FREENET6_SEED ?? Number.NaN)
const MAX_RUNS = 2 ** 31 - 1
/** For the one run that the end of the time finds at work, on a busy machine. */
const SLACK_MS = 60_000

/** A test that tries a property with all it can make up, until its time is over. A failure prints seed and example. */
export function fuzz(says: string, property: fc.IRawProperty<unknown>): void {
  test(says, { timeout: 2 * SECONDS * 1000 + SLACK_MS }, async () => {
    for (;;) {
      const found = await fc.check(property, {
        numRuns: MAX_RUNS,
        interruptAfterTimeLimit: SECONDS * 1000,
        ...(Number.isInteger(SEED) ? { seed: SEED } : {}),
      })
      if (found.interrupted && found.numRuns === 0) continue // the machine was busy with other things all the time
      if (found.failed)
        throw new Error(await fc.asyncDefaultReportMessage(found), { cause: found.errorInstance })
      return
    }
  })
}

/** Changes to octets or characters that were well formed. */
export const changes = fc.array(
  fc.record({
    kind: fc.constantFrom('set', 'cut', 'insert', 'remove', 'repeat'),
    at: fc.nat(65_535),
    value: fc.oneof(fc.constantFrom(0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff), fc.nat(255)),
    length: fc.nat(12),
  }),
  { maxLength: 4 },
)

type Change = (typeof changes extends fc.Arbitrary<infer List> ? List : never)[number]

/** The octets with changes made one after the other. */
export function changed(octets: Uint8Array, list: readonly Change[]): Buffer {
  return list.reduce<Buffer>(changedOnce, Buffer.from(octets))
}

/** The text with changes made to its characters, each of which stands for an octet. */
export function changedText(text: string, list: readonly Change[]): string {
  return changed(Buffer.from(text, 'latin1'), list).toString('latin1')
}

function changedOnce(octets: Buffer, { kind, at, value, length }: Change): Buffer {
  const place = at % (octets.length + 1)
  const before = octets.subarray(0, place)
  switch (kind) {
    case 'set':
      return Buffer.concat([before, Buffer.of(value), octets.subarray(place + 1)])
    case 'cut':
      return before
    case 'insert':
      return Buffer.concat([before, Buffer.of(value), octets.subarray(place)])
    case 'remove':
      return Buffer.concat([before, octets.subarray(place + length)])
    default:
      return Buffer.concat([before, octets.subarray(place, place + length), octets.subarray(place)])
  }
}

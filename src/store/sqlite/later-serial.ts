import { serialCompare } from '../../zone/serial.ts'

/** Where neither is later (RFC 1982 3.2 leaves that undefined) the one we counted wins: secondaries have seen it. */
export function laterSerial(counted: number, fromFile: number): number {
  return serialCompare(fromFile, counted) === 1 ? fromFile : counted
}

/**
 * A program for the kernel's packet filter (SO_ATTACH_FILTER) that lets echo replies with our identifier through, and
 * ICMPv6 unreachables that quote a request with it. Replies to others' requests, or to nobody's, fill no queue then.
 */
const LOAD_OCTET = 0x30
const LOAD_UINT16 = 0x28
const LOAD_UINT16_BEHIND_X = 0x48
/** X becomes the length of the IPv4 header. */
const LOAD_X_HEADER_LENGTH = 0xb1
const JUMP = 0x05
const JUMP_IF_EQUAL = 0x15
const RETURN = 0x06
const WHOLE = 0xffff_ffff
const INSTRUCTION_LENGTH = 8
const IDENTIFIER = 4
/** Behind an unreachable's own 8 octets and the quoted IPv6 header of 40. */
const QUOTED_IDENTIFIER = 48 + IDENTIFIER
const UNREACHABLE = 1

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number]

/** The instructions as the kernel takes them, in the order of octets of the machine (struct sock_filter). */
export function echoFilter(family: 4 | 6, identifier: number): Uint8Array {
  const program = family === 4 ? filterOfIpv4(identifier) : filterOfIpv6(identifier)
  const octets = new Uint8Array(program.length * INSTRUCTION_LENGTH)
  const halves = new Uint16Array(octets.buffer)
  const words = new Uint32Array(octets.buffer)
  for (const [i, [code, ifTrue, ifFalse, operand]] of program.entries()) {
    halves[i * 4] = code
    octets[i * INSTRUCTION_LENGTH + 2] = ifTrue
    octets[i * INSTRUCTION_LENGTH + 3] = ifFalse
    words[i * 2 + 1] = operand
  }
  return octets
}

/** How many instructions a program has. */
export function instructionsIn(program: Uint8Array): number {
  return program.length / INSTRUCTION_LENGTH
}

/** A raw socket of IPv4 sees the IP header too, one of IPv6 does not. A message that is too short is kept out. */
function filterOfIpv4(identifier: number): readonly Instruction[] {
  return [
    [LOAD_X_HEADER_LENGTH, 0, 0, 0],
    [LOAD_UINT16_BEHIND_X, 0, 0, IDENTIFIER],
    [JUMP_IF_EQUAL, 0, 1, identifier],
    [RETURN, 0, 0, WHOLE],
    [RETURN, 0, 0, 0],
  ]
}

function filterOfIpv6(identifier: number): readonly Instruction[] {
  return [
    [LOAD_OCTET, 0, 0, 0],
    [JUMP_IF_EQUAL, 2, 0, UNREACHABLE],
    [LOAD_UINT16, 0, 0, IDENTIFIER],
    [JUMP, 0, 0, 1],
    [LOAD_UINT16, 0, 0, QUOTED_IDENTIFIER],
    [JUMP_IF_EQUAL, 0, 1, identifier],
    [RETURN, 0, 0, WHOLE],
    [RETURN, 0, 0, 0],
  ]
}

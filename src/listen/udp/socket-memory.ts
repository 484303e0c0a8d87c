/**
 * The memory of a batch socket, in one piece that never moves:
 *
 *     query heads   64 mmsghdr     filled by recvmmsg
 *     reply heads   64 mmsghdr     read by sendmmsg
 *     query parts   64 iovec       where each datagram goes
 *     reply parts   64 iovec       where each reply lies, and how long it is
 *     sources       64 addresses   written by recvmmsg; a reply's head points at its query's
 *     controls      64 × 64        which address was asked: see packet-info.ts; unused but for 0.0.0.0 and [::]
 *     queries       64 × 65,856
 *     replies       64 × 1,280
 *
 * and the structures in it, as 64-bit Linux has them:
 *
 *     mmsghdr   0 name → | 8 name length 4 | 16 parts → | 24 number of parts 8 | 32 control → | 40 control length 8
 *               | 48 flags 4 | 56 octets received or sent 4                                         64 octets
 *     iovec     0 base → | 8 length 8                                                               16 octets
 */
import { CONTROL_ROOM } from './packet-info.ts'
import { ADDRESS_ROOM } from './socket-address.ts'

/** Datagrams a call: more gain nothing, and the replies of a batch leave together. */
export const BATCH = 64

/** No datagram is longer. */
export const LONGEST_QUERY = 65_536
/** A little more, so that the beginnings of the 64 do not share one place in the cache. */
export const QUERY_STRIDE = LONGEST_QUERY + 320
/** Replies over UDP are 1232 octets at most (RFC 9715 3.2). */
export const REPLY_STRIDE = 1280

export const HEAD_LENGTH = 64
export const PART_LENGTH = 16
export const HEAD_WORDS = HEAD_LENGTH / 4
export const PART_WORDS = PART_LENGTH / 4

/** Where the fields of a head are, in words of four octets. */
export const MMSGHDR = {
  name: 0,
  nameLength: 2,
  parts: 4,
  partCount: 6,
  control: 8,
  controlLength: 10,
  received: 14,
} as const
/** Where the fields of a part are, in words of four octets. */
export const IOVEC = { base: 0, length: 2 } as const

export const QUERY_HEADS = 0
export const REPLY_HEADS = QUERY_HEADS + BATCH * HEAD_LENGTH
export const QUERY_PARTS = REPLY_HEADS + BATCH * HEAD_LENGTH
export const REPLY_PARTS = QUERY_PARTS + BATCH * PART_LENGTH
export const SOURCES = REPLY_PARTS + BATCH * PART_LENGTH
export const CONTROLS = SOURCES + BATCH * ADDRESS_ROOM
export const QUERIES = CONTROLS + BATCH * CONTROL_ROOM
export const REPLIES = QUERIES + BATCH * QUERY_STRIDE
export const MEMORY_LENGTH = REPLIES + BATCH * REPLY_STRIDE

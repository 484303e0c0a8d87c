import { FLAG, findAttribute, message, NETLINK, type Netlink } from './netlink.ts'

const NEW_GENERATION = (10 << 8) | 15
const GET_GENERATION = (10 << 8) | 16
const FAMILY_LENGTH = 4
const GENERATION_ID = 1

/**
 * Reads how many transactions nftables has seen in this network: while the number stays, no table, rule, set or element
 * has been changed by anybody. Undefined if the kernel did not say.
 */
export async function readNftGeneration(netlink: Netlink): Promise<number | undefined> {
  let generation: number | undefined
  const question = message(GET_GENERATION, FLAG.request | FLAG.acknowledge, {
    own: Buffer.alloc(FAMILY_LENGTH),
  })
  await netlink.dump(NETLINK.netfilter, question, (octets, { at, end, type }) => {
    const value = findAttribute(octets, { at: at + FAMILY_LENGTH, end }, GENERATION_ID)
    if (type === NEW_GENERATION && value !== undefined) generation = octets.readUInt32BE(value.at)
  })
  return generation
}

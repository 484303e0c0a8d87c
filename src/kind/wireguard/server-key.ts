import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { closeToOthers } from '../../shared/private-file.ts'

/** The server's own key, the same for all its tunnels. */
export interface ServerKey {
  /** Holds the private key as `wg` reads it. */
  readonly file: string
  /** The private key. */
  readonly text: string
  readonly publicKey: string
}

const KEY_FILE = 'wireguard.key'
const KEY_OCTETS = 32
/** What stands before the 32 octets of an X25519 key in PKCS #8 (RFC 8410 7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex')

/** There is no key in the data directory, and none can be made; or its file holds none, and clients know the server by it. */
export class ServerKeyFault extends Error {
  readonly code = 'server-key'
}

/**
 * What becomes of a key that is not there. It is made at a start alone, after that which the table of tunnels has was put
 * back: one made later would not be the one that clients know.
 */
export type MissingKey = 'make' | 'read'

/** Reads the key of a data directory; makes it if there is none yet, readable by its owner alone. Throws ServerKeyFault. */
export function serverKey(dataDir: string, missing: MissingKey = 'make'): ServerKey {
  const file = join(dataDir, KEY_FILE)
  try {
    if (missing === 'make' && !existsSync(file)) makeOnce(file, dataDir)
    closeIfOurs(file)
    return readKey(file)
  } catch (error) {
    if (error instanceof ServerKeyFault) throw error
    const reason = error instanceof Error ? error.message : error
    throw new ServerKeyFault(`no WireGuard key: ${reason}`, { cause: error })
  }
}

/** The key of a data directory as it stands in its file; undefined: there is none that can be read. */
export function serverKeyText(dataDir: string): string | undefined {
  try {
    const { file } = readKey(join(dataDir, KEY_FILE))
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** Puts a key into a data directory, in place of whatever is there: whole, or not at all. Throws as writing a file does. */
export function putServerKey(dataDir: string, text: string): void {
  const file = join(dataDir, KEY_FILE)
  const partial = `${file}.partial`
  mkdirSync(dataDir, { recursive: true })
  rmSync(partial, { force: true })
  writeFileSync(partial, `${text}\n`, { mode: 0o600, flush: true })
  renameSync(partial, file)
}

/** Puts a key that was read back into its file, if somebody has taken it away meanwhile. Returns why that did not work. */
export function keepServerKeyFile({ file, text }: ServerKey): string | undefined {
  const dataDir = dirname(file)
  try {
    if (serverKeyText(dataDir) !== text) putServerKey(dataDir, text)
    return undefined
  } catch (error) {
    return `no WireGuard key: ${error instanceof Error ? error.message : error}`
  }
}

/** What tells the public half of the key of a data directory; empty as long as no key can be read there. */
export function publicKeyReader(dataDir: string): () => string {
  let known = ''
  return () => {
    if (known !== '') return known
    try {
      known = readKey(join(dataDir, KEY_FILE)).publicKey
    } catch {
      // asked for again the next time
    }
    return known
  }
}

function readKey(file: string): ServerKey {
  const octets = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64')
  if (octets.length !== KEY_OCTETS) throw new ServerKeyFault(`${file} holds no WireGuard key`)
  return { file, text: octets.toString('base64'), publicKey: publicKeyOf(octets) }
}

/** One of another user stays as it is. */
function closeIfOurs(file: string): void {
  try {
    closeToOthers(file)
  } catch {
    // whoever reads it says what is wrong with it
  }
}

/** Two processes may come here at once: the file that is there first stays. */
function makeOnce(file: string, dataDir: string): void {
  mkdirSync(dataDir, { recursive: true })
  const { d = '' } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  try {
    writeFileSync(file, `${Buffer.from(d, 'base64url').toString('base64')}\n`, {
      flag: 'wx',
      mode: 0o600,
      flush: true,
    })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

function publicKeyOf(octets: Buffer): string {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, octets]), format: 'der', type: 'pkcs8' })
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  return Buffer.from(x, 'base64url').toString('base64')
}

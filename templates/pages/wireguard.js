// Makes WireGuard's keys in the browser and puts the private one into the configuration. It is kept for this tab alone
// (sessionStorage), under its public key, and no request has it.
import { encode } from '/qr-code.js'

const MODULE = 4
const QUIET_ZONE = 4 // ISO/IEC 18004: light modules around the code
const SVG = 'http://www.w3.org/2000/svg'

const makeKeys = document.querySelector('#make-keys')
if (makeKeys !== null) offerKeys(makeKeys)
const tunnel = document.querySelector('#wireguard')
if (tunnel !== null) showConfiguration(tunnel)

function offerKeys(element) {
  if (globalThis.crypto?.subtle === undefined) return // a page without TLS, other than of this machine itself
  element.hidden = false
  element.querySelector('button').addEventListener('click', async () => {
    const status = element.querySelector('[role=status]')
    try {
      const { publicKey, privateKey } = await newKeys()
      sessionStorage.setItem(storageName(publicKey), privateKey)
      element.closest('form').elements.public_key.value = publicKey
      status.textContent = element.dataset.done
    } catch {
      status.textContent = element.dataset.failed
    }
  })
}

async function newKeys() {
  const pair = await crypto.subtle.generateKey('X25519', true, ['deriveBits'])
  const { x, d } = await crypto.subtle.exportKey('jwk', pair.privateKey)
  return { publicKey: base64(x), privateKey: base64(d) }
}

/** A JWK's 43 characters of base64url (RFC 7515 2) as WireGuard writes them. */
function base64(text) {
  return `${text.replaceAll('-', '+').replaceAll('_', '/')}=`
}

function storageName(publicKey) {
  return `wireguard ${publicKey}`
}

function showConfiguration(element) {
  const privateKey = sessionStorage.getItem(storageName(element.dataset.publicKey))
  if (privateKey === null) return
  const code = element.querySelector('#configuration')
  const text = `${code.textContent.replace('YOUR PRIVATE KEY', privateKey)}\n`
  code.textContent = text
  element.querySelector('#no-key').hidden = true
  element.querySelector('#own-key').hidden = false
  element.querySelector('a[download]').href = URL.createObjectURL(new Blob([text], { type: 'application/octet-stream' }))
  const figure = element.querySelector('#qr')
  figure.prepend(drawing(encode(text, { border: QUIET_ZONE }).data, figure.dataset.label))
  figure.hidden = false
}

function drawing(rows, label) {
  const size = rows.length * MODULE
  const svg = document.createElementNS(SVG, 'svg')
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${size} ${size}`, width: size, height: size }))
    svg.setAttribute(name, String(value))
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', label)
  svg.append(shape('rect', { width: size, height: size, fill: '#fff' }), shape('path', { d: pathOf(rows) }))
  return svg
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
  return element
}

function pathOf(rows) {
  const square = (x, y) => `M${x * MODULE} ${y * MODULE}h${MODULE}v${MODULE}h-${MODULE}z`
  return rows.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [square(x, y)] : []))).join('')
}

// Tells whether this machine has the address that its request came from, as far as the browser says what addresses it has:
// most hide them from pages. Nobody is asked for anything, and nothing is sent.
const PATIENCE_MS = 2000
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/

for (const place of document.querySelectorAll('#own-addresses')) compare(place)

async function compare(place) {
  const own = await ownAddresses()
  if (own.length === 0) return
  const found = own.includes(place.dataset.visitor) ? '.same' : '.nat'
  place.querySelector(found).hidden = false
}

/** IPv4 addresses of this machine; none where the browser puts names that hide them in their place. */
function ownAddresses() {
  const { RTCPeerConnection } = globalThis
  if (RTCPeerConnection === undefined) return Promise.resolve([])
  return new Promise(resolve => {
    const connection = new RTCPeerConnection() // no server to ask: it looks at this machine alone
    const own = []
    const end = () => {
      connection.close()
      resolve(own)
    }
    connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate === null) end()
      else if (candidate.type === 'host' && IPV4.test(candidate.address ?? '')) own.push(candidate.address)
    })
    setTimeout(end, PATIENCE_MS)
    connection.createDataChannel('')
    connection.setLocalDescription().catch(end)
  })
}

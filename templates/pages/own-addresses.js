// Fills in the address that this browser comes from over IPv4, where the page was asked for over IPv6, and tells whether this
// machine has it, as far as the browser says what addresses it has: most hide them from pages.
const PATIENCE_MS = 2000
const REPLY_MS = 5000
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/

for (const place of document.querySelectorAll('#own-addresses')) look(place)

async function look(place) {
  const show = name => {
    place.querySelector(name).hidden = false
  }
  let { visitor } = place.dataset
  if (visitor === '') {
    visitor = await addressOverIpv4(place.dataset.page)
    show(visitor === '' ? '.none' : '.found')
    if (visitor === '') return
    const field = document.querySelector('#ipv4')
    if (field.value === '') field.value = visitor
  }
  const own = await ownAddresses()
  if (own.length > 0) show(own.includes(visitor) ? '.same' : '.nat')
}

/** What a page that is reached over IPv4 alone says; empty if it is not. */
async function addressOverIpv4(page) {
  try {
    const reply = await fetch(page, { signal: AbortSignal.timeout(REPLY_MS) })
    const text = (await reply.text()).trim()
    return reply.ok && IPV4.test(text) ? text : ''
  } catch {
    return ''
  }
}

/** IPv4 addresses of this machine; none where the browser puts names that hide them in their place. Nobody is asked. */
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

// Copies lines and shows live what the server says of a tunnel. Every page works without it, by hand and by reload.

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', () => copy(button))
}

const live = document.querySelector('[data-events]')
if (live !== null && 'EventSource' in window) follow(live.dataset.events)

async function copy(button) {
  const source = document.getElementById(button.dataset.copy)
  const range = document.createRange()
  range.selectNodeContents(source)
  getSelection().removeAllRanges()
  getSelection().addRange(range)
  const isCopied = await write(source.textContent)
  const { label = button.textContent, done, failed } = button.dataset
  button.dataset.label = label
  button.textContent = isCopied ? done : failed
  setTimeout(
    () => {
      button.textContent = label
    },
    isCopied ? 2000 : 10_000,
  )
}

/** What is selected is copied where there is no other clipboard, as without TLS, or it is refused. */
async function write(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return document.execCommand('copy')
  }
}

function follow(url) {
  const source = new EventSource(url)
  source.addEventListener('state', ({ data }) => {
    const { state, text } = JSON.parse(data)
    const shown = document.getElementById('state')
    if (state === 'dormant' && shown.classList.contains(state)) return // the page may know why it could not wake
    if (!shown.classList.contains(state)) shown.querySelector('small')?.remove() // since when the one before was so
    shown.className = `state ${state}`
    document.getElementById('state-words').textContent = text
    if (state === 'gone') source.close()
  })
  source.addEventListener('echo', ({ data }) => {
    const { answered, text } = JSON.parse(data)
    const echo = document.getElementById('echo')
    echo.hidden = false
    echo.className = answered ? 'state answered' : 'state'
    document.getElementById('echo-words').textContent = text
  })
  // A connection that breaks is made again by the browser; one that is refused is not: the session has ended, say.
  source.addEventListener('error', () => {
    document.getElementById('not-live').hidden = source.readyState !== EventSource.CLOSED
  })
}

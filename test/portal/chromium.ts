export const CHROMIUM = '/usr/bin/chromium'
/** The second half keeps Chromium from looking for its maker's hosts. */
export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

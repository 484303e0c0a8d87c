/** The steps of the story, in their order. The suite expects each of them to be reported as ok. */
export const STEPS = {
  start: 'The broker starts, with a real IPv6 network behind it',
  register: 'A visitor posts the form and runs the script that comes back, as it is',
  ping: 'The visitor pings the IPv6 internet through the tunnel and is pinged back',
  names: 'The name leads to the address and the address back to the name',
  second: 'A second visitor registers by the API; the two reach each other; the second deletes the tunnel',
  rivals: 'Five visitors want one name at once: one gets it; a silent address is refused',
  move: 'The visitor gets another IPv4 address, runs the new script, and the ping goes on',
  undo: 'The undo script takes everything back, and a second time does no harm',
  silence: 'The visitor stays silent: interface, row and names are gone',
  crash: 'kill -9 in the middle of fifty registrations: after a restart, table, kernel and DNS agree',
  stop: 'The broker is asked to stop and does',
} as const

/** Stand-ins for the tools of the BSD systems and macOS, for the scripts' tests. */
import type { BSD_SYSTEMS } from './render.ts'

export type BsdSystem = (typeof BSD_SYSTEMS)[number]

export const KERNELS = { freebsd: 'FreeBSD', openbsd: 'OpenBSD', netbsd: 'NetBSD', macos: 'Darwin' } as const
/** What pfctl does for a tunnel of either kind, as branches of a case. */
const PF = `  '-s info') [ ! -e "$STATE/pf" ] || echo 'Status: Enabled for 1 days' ;;
  -e) [ ! -e "$STATE/no-pf" ] && : > "$STATE/pf" ;;
  -d) rm "$STATE/pf" ;;
  -E) [ ! -e "$STATE/no-pf" ] || exit 1; echo 'Token : 4711' >&2 ;;
  '-X 4711') [ ! -e "$STATE/no-pf" ] ;;
  '-f /etc/pf.conf') [ ! -e "$STATE/no-load" ] || exit 1; sed -n 's/^load anchor .* from "\\(.*\\)"$/\\1/p' /etc/pf.conf | xargs -r cat > "$STATE/rules" ;;
`

/**
 * For protocol 41: each writes its call down, and answers what a script asks about from files.
 * They show that the scripts ask for the right things in the right order; they are no kernel.
 */
export const BSD_TOOLS: Readonly<Record<string, string>> = {
  id: 'echo 0',
  uname: 'echo "$KERNEL"',
  kldload: ':',
  npfctl: '[ ! -e "$STATE/no-npf" ]',
  ping6: ':',
  ipconfig: 'echo 10.0.0.5',
  sysrc: `case $1 in
  -qn) cat "$STATE/rc.$2" 2>/dev/null || exit 1 ;;
  -x | -qx) rm -f "$STATE/rc.$2" ;;
  *+=*) printf '%s' "\${1#*=}" > "$STATE/rc.\${1%%+=*}" ;;
  *-=*) rm -f "$STATE/rc.\${1%%-=*}" ;;
  *=*) printf '%s' "\${1#*=}" > "$STATE/rc.\${1%%=*}" ;;
esac`,
  pfctl: `case "$*" in
${PF}  '-a com.apple/freenet6 -f -') cat > "$STATE/rules" ;;
  '-a com.apple/freenet6 -F rules') rm -f "$STATE/rules" ;;
esac`,
  ifconfig: `case $# in
  0) cat "$STATE/addresses" ;;
  1) [ -e "$STATE/$1" ] && cat "$STATE/$1" ;;
  *) case "$2 $3" in
    'create ') : > "$STATE/$1" ;;
    'destroy ') rm -f "$STATE/$1" ;;
    'deletetunnel ') sed -i '/tunnel inet/d' "$STATE/$1" ;;
    tunnel*) sed -i '/tunnel inet/d' "$STATE/$1"; echo "	tunnel inet $3 --> $4" >> "$STATE/$1" ;;
    'inet ') cat "$STATE/addresses" ;;
    'inet6 ') cat "$STATE/$1" ;;
    inet6*) if [ "$4" = -alias ]; then sed -i "/inet6 $3 /d" "$STATE/$1"
      else echo "	inet6 $3 --> $4 prefixlen 128" >> "$STATE/$1"; fi ;;
  esac ;;
esac`,
  route: `case "$*" in
  '-n get -inet6 default') cat "$STATE/default6" 2>/dev/null || exit 1 ;;
  '-n get '*) echo '  interface: em0' ;;
  '-n add -inet6 default '*) printf '    gateway: %s\\n  interface: gif0\\n' "$5" > "$STATE/default6" ;;
  '-n delete -inet6 default'*) rm "$STATE/default6" 2>/dev/null || exit 1 ;;
esac`,
}

/** For WireGuard: the key's other half is worked out by the real wg. */
export const BSD_WIREGUARD_TOOLS: Readonly<Record<string, string>> = {
  id: 'echo 0',
  uname: 'echo "$KERNEL"',
  kldload: ':',
  sysrc: `case $1 in
  -x) rm -f "$STATE/rc.$2" ;;
  *=*) echo "\${1#*=}" > "$STATE/rc.\${1%%=*}" ;;
esac`,
  // FreeBSD's of 13 and later, which is ping: the -X of the one before is unknown to it.
  ping6: 'case " $* " in *" -X "*) exit 1 ;; esac',
  wg: `case "$1 $2" in
  'show utun4') [ -e "$STATE/utun4" ] ;;
  pubkey*) exec /usr/bin/wg pubkey ;;
esac`,
  'wireguard-go': ':',
  'wg-quick': `case $1 in
  up)
    [ ! -e "$STATE/utun4" ] || exit 1
    : > "$STATE/utun4"
    mkdir -p /var/run/wireguard && echo utun4 > /var/run/wireguard/freenet6.name
    sed -n 's/^PostUp = //p' "$2" | sed 's/%i/utun4/' | sh -e ;;
  down)
    [ -e "$STATE/utun4" ] || exit 1
    rm -f "$STATE/utun4" /var/run/wireguard/freenet6.name ;;
esac`,
  pfctl: `case "$*" in
${PF}  '-n -D tunnel=utun9 -f -') cat > /dev/null ;;
  '-a com.apple/freenet6-wireguard -D tunnel=utun4 -f '*) sed 's/[$]tunnel/utun4/' "$6" > "$STATE/rules" ;;
  '-a com.apple/freenet6-wireguard -F rules') rm -f "$STATE/rules" ;;
esac`,
  ifconfig: `case "$2" in
  '') [ -e "$STATE/$1" ] || exit 1
    [ ! -e "$STATE/key" ] || printf '\\twgpubkey %s\\n' "$(/usr/bin/wg pubkey < "$STATE/key")" ;;
  create) : > "$STATE/\${4:-$1}" ;;
  wg) echo freenet6 ;;
  destroy) rm "$STATE/$1" ;;
  -wgpeerall) [ ! -e "$STATE/is-ended" ] || kill -TERM $PPID ;;
  wgkey) echo "$3" > "$STATE/key" ;;
esac`,
  route: `case "$*" in
  '-6 -n get default') exit 1 ;;
  '-n get -inet6 default') cat "$STATE/default6" 2>/dev/null || exit 1 ;;
  '-n add -inet6 default -interface '*) echo "  interface: $6" > "$STATE/default6" ;;
  '-n add -inet6 default '*) printf '    gateway: %s\\n  interface: wg0\\n' "$5" > "$STATE/default6" ;;
  '-n delete -inet6 default'*) rm "$STATE/default6" 2>/dev/null || exit 1 ;;
esac`,
}

/** The rules of pf that a device's firewall is. */
export const CLOSED = (device: string) =>
  [
    `pass out quick on ${device} inet6 keep state`,
    `pass in quick on ${device} inet6 proto ipv6-icmp keep state`,
    `block in quick on ${device} inet6\n`,
  ].join('\n')

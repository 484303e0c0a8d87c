import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What the namespace looks like before a script runs: /etc may be written to and is not the machine's, /run is empty. */
const SETTING = `set -e
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$STATE/etc,workdir=$STATE/work" /etc
mount -t tmpfs run /run
mount --bind -o ro /sys /sys
mkdir -p /run/network /run/systemd/network /etc/netplan /etc/network/interfaces.d
echo 'source /etc/network/interfaces.d/*' > /etc/network/interfaces
ip link set lo up
PATH=$STATE/bin:$PATH
`
/** The tools that would need a kernel with sit, a running systemd or a server: each writes its call down. */
const TOOLS: Readonly<Record<string, string>> = {
  ip: `case "$*" in
  '-o -4 route get '*) echo "192.0.2.1 via 192.0.2.254 dev eth0 src $SOURCE uid 0" ;;
  '-o -4 addr show to '*) echo "2: eth0    inet $6 scope global eth0" | grep -F " $ADDRESS/" || true ;;
  'tunnel add '*) /usr/sbin/ip tuntap add dev "$3" mode tun ;;
  'tunnel del '*) /usr/sbin/ip link del dev "$3" ;;
  *) exec /usr/sbin/ip "$@" ;;
esac`,
  modprobe: ':',
  networkctl: ':',
  ping: ':',
  ping6: ':',
  systemctl: ':',
  ifdown: ':',
  ifup: 'exec /usr/sbin/ifup --no-act --verbose "$@" >> "$STATE/ifup" 2>&1',
  netplan: '[ "$1" = apply ] || exec /usr/sbin/netplan "$@"',
  nmcli: `profile=/etc/NetworkManager/system-connections/freenet6.nmconnection
case "$*" in
  'connection add '*) mkdir -p "\${profile%/*}" && exec /usr/bin/nmcli --offline "$@" > "$profile" ;;
  'connection delete id freenet6') rm "$profile" ;;
  '--get-values connection.type connection show id freenet6') [ -e "$profile" ] && echo ip-tunnel || exit 10 ;;
esac`,
}

export interface HostRun {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  readonly calls: string
}

interface RunOptions {
  readonly args?: readonly string[]
  /** Shell commands to run in the same namespaces before and after the script; what the latter say follows its words. */
  readonly before?: string
  readonly after?: string
  /** The address that packets to the server leave from, and the one that the host has; the same unless given. */
  readonly source?: string
  readonly address?: string
}

/**
 * A Linux host of a script's own: namespaces for mounts and network, an /etc laid over the machine's, which lasts from
 * run to run, and Debian's real tools but for those that need more than that.
 */
export class LinuxHost {
  readonly #dir = mkdtempSync(join(tmpdir(), 'freenet6-host-'))

  constructor() {
    for (const folder of ['bin', 'etc', 'work']) mkdirSync(join(this.#dir, folder))
    chmodSync(this.#dir, 0o755)
    for (const [tool, body] of Object.entries(TOOLS)) {
      const file = join(this.#dir, 'bin', tool)
      writeFileSync(file, `#!/bin/sh\necho "${tool} $*" >> "$STATE/calls"\n${body}\n`, { mode: 0o755 })
    }
  }

  /** Runs the script's text as root of its namespaces. */
  run(text: string, options: RunOptions = {}): HostRun {
    const { args = [], before = '', after = '', source = '192.0.2.2', address = source } = options
    for (const file of ['calls', 'ifup']) rmSync(join(this.#dir, file), { force: true })
    writeFileSync(join(this.#dir, 'script'), text)
    const steps = `${SETTING}${before}\nset +e\nsh "$STATE/script" "$@"\nstatus=$?\n${after}\nexit $status\n`
    const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user']
    const command = ['--mount', '--net', ...asRoot, 'sh', '-c', steps, 'sh', ...args]
    const env = { ...process.env, STATE: this.#dir, SOURCE: source, ADDRESS: address }
    const { status, stdout, stderr } = spawnSync('unshare', command, { env, encoding: 'utf8' })
    return { status, stdout, stderr, calls: this.#noted('calls') }
  }

  /** What ifup would have done, in the last run. */
  get ifup(): string {
    return this.#noted('ifup')
  }

  /** The files below /etc that the scripts have made, but for those of the setting. */
  get made(): readonly string[] {
    const etc = join(this.#dir, 'etc')
    const files = readdirSync(etc, { recursive: true, encoding: 'utf8' })
    return files.filter(file => statSync(join(etc, file)).isFile() && file !== 'network/interfaces').sort()
  }

  /** The text of a file below /etc. */
  read(file: string): string {
    return readFileSync(join(this.#dir, 'etc', file), 'utf8')
  }

  end(): void {
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #noted(name: string): string {
    const file = join(this.#dir, name)
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }
}

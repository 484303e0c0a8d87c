import type { RunIp } from '../../../src/kernel/ip-command.ts'
import type { RunNft } from '../../../src/kernel/nft-command.ts'

const DONE = { status: 0, stdout: '', stderr: '' }

/** As much of `ip`, `nft` and the kernel's rules as the shared layout uses, with the words of iproute2 and nftables. */
export class FakeSharedKernel {
  /** Changes in the order in which the kernel saw them: `+ element …`, `- route …`. */
  readonly journal: string[] = []
  readonly devices = new Set<string>()
  /** The IPv4 address of the devices' own ends. */
  local = '192.0.2.1'
  readonly routes = new Map<string, string>()
  readonly locals = new Set<string>()
  /** Undefined: there is no table. */
  elements: Set<string> | undefined
  /** Packets by element of the sleepers' set. */
  sleepers: ReadonlyMap<string, number> = new Map()
  /** Of the filter's chain `input`. */
  rules: readonly string[] = []
  /** Elements that each set takes, as it was made. */
  size = 0
  /** Devices whose unmarked packets are not forwarded. */
  readonly guarded = new Set<string>()
  /** `ip` lines that match fail with these words. */
  broken: { readonly match: RegExp; readonly words: string } | undefined
  /** Every call of `nft` fails with these words. */
  brokenNft: string | undefined
  calls = 0
  /** Counts transactions that changed something. */
  generation = 0

  readonly runIp: RunIp = async (args, input = '') => {
    this.calls++
    if (args.includes('-json')) return { ...DONE, stdout: this.#list(args.join(' ')) }
    if (!args.includes('-batch')) {
      const trouble = this.#obey(args.join(' '))
      return trouble === undefined ? DONE : { status: 2, stdout: '', stderr: trouble }
    }
    let stderr = ''
    for (const [index, line] of input.trim().split('\n').entries()) {
      const trouble = this.#obey(line)
      if (trouble !== undefined) stderr += `${trouble}\nCommand failed -:${index + 1}\n`
    }
    return { status: stderr === '' ? 0 : 1, stdout: '', stderr }
  }

  readonly runNft: RunNft = async (args, input = '') => {
    this.calls++
    if (this.brokenNft !== undefined) return { status: 1, stdout: '', stderr: this.brokenNft }
    if (args.includes('chain')) return this.#listInput()
    if (args.at(-1) === 'sleepers') return this.#listSleepers()
    if (args[0] === 'get' || args.includes('list')) return this.#listSet()
    if (args[0] === '-c') return DONE
    return this.#transact(input.trim().split('\n'))
  }

  /** All lines or none. */
  #transact(lines: readonly string[]) {
    let elements = this.elements && new Set(this.elements)
    let { size } = this
    const sleepers = new Map(this.sleepers)
    let rules = [...this.rules]
    const changes: string[] = []
    for (const line of lines) {
      if (line === 'add table ip freenet6') elements ??= new Set()
      if (line === 'delete table ip freenet6') {
        elements = undefined
        size = 0
        rules = []
        sleepers.clear()
      }
      const [, made] = /^add set .* size (\d+);/.exec(line) ?? []
      if (made !== undefined) size = Number(made)
      if (line === 'flush chain ip freenet6 input') rules = []
      const [, rule] = /^add rule ip freenet6 input (.*)$/.exec(line) ?? []
      if (rule !== undefined) rules.push(rule)
      this.#changeSleepers(line, sleepers)
      const [, verb, list = ''] = /^(add|delete) element ip freenet6 tunnels { (.*) }$/.exec(line) ?? []
      if (verb === undefined) continue
      if (elements === undefined) return refusal('No such file or directory')
      for (const key of list.split(', ')) {
        if (verb === 'delete' && !elements.delete(key)) return refusal('No such file or directory')
        if (verb === 'add') elements.add(key)
        changes.push(`${verb === 'add' ? '+' : '-'} element ${key}`)
      }
    }
    if ((elements?.size ?? 0) > size || sleepers.size > size) return refusal('Too many open files in system')
    const before = [...(this.elements ?? [])].sort().join()
    if (before !== [...(elements ?? [])].sort().join() || this.elements === undefined) this.generation++
    this.elements = elements
    this.size = size
    this.rules = rules
    this.sleepers = sleepers
    this.journal.push(...changes)
    return DONE
  }

  #changeSleepers(line: string, sleepers: Map<string, number>): void {
    const [, verb, list = ''] = /^(add|delete) element ip freenet6 sleepers { (.*) }$/.exec(line) ?? []
    for (const key of verb === undefined ? [] : list.split(', ')) {
      if (verb === 'add') sleepers.set(key, sleepers.get(key) ?? 0)
      else sleepers.delete(key)
      this.generation++
    }
  }

  #listInput() {
    if (this.elements === undefined) return refusal('No such file or directory')
    const lines = ['type filter hook input priority filter; policy accept;', ...this.rules]
    return { ...DONE, stdout: `chain input {\n${lines.map(line => `\t\t${line}\n`).join('')}\t}\n` }
  }

  #listSleepers() {
    if (this.elements === undefined) return refusal('No such file or directory')
    const keys = Array.from(this.sleepers, ([key, packets]) => `${key} counter packets ${packets} bytes 300`)
    return { ...DONE, stdout: `set sleepers {\n elements = { ${keys.join(',\n')} } }` }
  }

  #listSet() {
    if (this.elements === undefined) return refusal('No such file or directory')
    const keys = Array.from(this.elements, key => `${key.replace(/0x0*/, '0x')} counter packets 3 bytes 300`)
    return { ...DONE, stdout: `set tunnels {\n size ${this.size}\n elements = { ${keys.join(',\n')} } }` }
  }

  #obey(line: string): string | undefined {
    if (this.broken?.match.test(line)) return this.broken.words
    const words = line.split(' ')
    if (line.startsWith('-6 rule add')) {
      if (this.guarded.has(words[6] ?? '')) return 'RTNETLINK answers: File exists'
      this.guarded.add(words[6] ?? '')
      return undefined
    }
    if (line.startsWith('-6 rule del')) {
      return this.guarded.delete(words[6] ?? '') ? undefined : 'RTNETLINK answers: No such file or directory'
    }
    if (line.startsWith('link add')) {
      const name = words[3] ?? ''
      const hasEnds = name.endsWith('all') && [...this.devices].some(one => one.endsWith('all'))
      if (hasEnds || this.devices.has(name)) return 'RTNETLINK answers: File exists'
      this.devices.add(name)
      return undefined
    }
    if (line.startsWith('tunnel del')) {
      if (!this.devices.delete(words[2] ?? '')) return `delete tunnel "${words[2]}" failed: No such device`
      if (words[2]?.endsWith('all')) this.routes.clear()
      return undefined
    }
    if (line.startsWith('route replace local'))
      return this.#note(`+ local ${words[3]}`, () => this.locals.add(words[3] ?? ''))
    if (line.startsWith('route del local')) {
      if (!this.locals.delete(words[3] ?? '')) return 'RTNETLINK answers: No such process'
      return undefined
    }
    if (line.startsWith('route del')) {
      if (!this.routes.delete(words[2] ?? '')) return 'RTNETLINK answers: No such process'
      return this.#note(`- route ${words[2]}`, () => undefined)
    }
    if (line.startsWith('-6 route replace unreachable')) return undefined
    if (line.startsWith('route replace')) {
      if (!this.devices.has(words[6] ?? '')) return `Cannot find device "${words[6]}"`
      return this.#note(`+ route ${words[2]} ${words[4]}`, () =>
        this.routes.set(words[2] ?? '', words[4] ?? ''),
      )
    }
    if (line.startsWith('link set')) {
      this.local = / local (\S+)/.exec(line)?.[1] ?? this.local
      return undefined
    }
    if (line.startsWith('address del')) return undefined
    return `Object "${line}" is unknown, try "ip help".`
  }

  #note(words: string, change: () => unknown): undefined {
    change()
    this.journal.push(words)
  }

  #list(command: string): string {
    if (command.includes('address show type sit')) {
      const info_data = { local: this.local, ttl: 64 }
      const link = { mtu: 1480, flags: ['UP'], linkinfo: { info_kind: 'sit', info_data } }
      return JSON.stringify(Array.from(this.devices, ifname => ({ ifname, ...link })))
    }
    if (command.includes('rule show')) {
      return JSON.stringify(
        Array.from(this.guarded, iif => ({ priority: 246, src: 'all', iif, action: 'blackhole' })),
      )
    }
    if (command.includes('table local')) {
      return JSON.stringify(Array.from(this.locals, dst => ({ dst: dst.replace('/128', '') })))
    }
    return JSON.stringify(Array.from(this.routes, ([dst, gateway]) => ({ dst, gateway })))
  }
}

function refusal(words: string) {
  return { status: 1, stdout: '', stderr: `/dev/stdin:1:1-2: Error: Could not process rule: ${words}\n` }
}

import type { Layout } from './kernel-view.ts'
import { DEVICE_PREFIX, SERVER_IPV4 } from './lab-broker.ts'
import { runQuietly } from './narrator.ts'

export type Command = readonly [program: string, ...args: readonly string[]]

/** Something of our own that breaks or is broken. */
export interface Fault {
  readonly name: string
  readonly begin: readonly Command[]
  /** What its maker does to end it; all else the broker mends. */
  readonly end?: readonly Command[]
  /** Seconds until its maker ends it. */
  readonly lasts?: number
  /** What /healthz says before its maker ends it, with 503. */
  readonly health?: RegExp
  /** Whether what it takes away is there again. */
  readonly isMended?: () => boolean
}

/** The tunnel that is made first. */
const FIRST = { device: `${DEVICE_PREFIX}0`, network: '2001:db8:f6::/64' } as const
const POOL = '2001:db8:f6::/48'
/** An endpoint that no client has. */
const NOBODY = '192.0.2.99'
const CUT_OFF = /cut off since \S+Z: most tunnels that answered before are silent together/

/** What takes the ground from under tunnels that are too few to be a crowd: the broker has to look at its own end. */
export function faultsOfOurEnd(layout: Layout): readonly Fault[] {
  const device = layout === 'shared' ? `${DEVICE_PREFIX}all` : FIRST.device
  return [
    ...(layout === 'shared' ? faultsOfRoutes(device) : faultsOfDevice(device)),
    { name: 'the device is down', begin: [inBroker('ip', 'link', 'set', device, 'down')] },
    {
      name: 'the device has another end of ours',
      begin: [inBroker('ip', 'link', 'set', device, 'type', 'sit', 'local', NOBODY)],
    },
    {
      name: 'IPv6 is disabled for two seconds',
      begin: [setting('all.disable_ipv6', 1)],
      lasts: 2,
      // The broker's way to the internet went with it, and is the operator's to restore.
      end: [
        setting('all.disable_ipv6', 0),
        inBroker('ip', '-6', 'address', 'replace', '2001:db8:ffff::1/64', 'dev', 'internet0', 'nodad'),
      ],
    },
    {
      name: 'IPv6 is disabled on the device',
      begin: [setting(`${device}.disable_ipv6`, 1)],
    },
    {
      name: 'forwarding is off',
      begin: [setting('all.forwarding', 0)],
    },
    {
      name: 'the pool’s own route is gone',
      begin: [inBroker('ip', '-6', 'route', 'del', layout === 'shared' ? 'unreachable' : 'blackhole', POOL)],
      isMended: () => print('ip', '-6', 'route', 'show', POOL) !== '',
    },
    {
      name: 'the filter is flushed',
      begin: [inBroker('nft', 'flush', 'ruleset')],
      isMended: () => /fib|@tunnels/.test(print('nft', 'list', 'ruleset')),
    },
  ]
}

function faultsOfDevice(device: string): readonly Fault[] {
  return [
    { name: 'the device is deleted', begin: [inBroker('ip', 'link', 'del', device)] },
    {
      name: 'the device’s addresses are flushed',
      begin: [inBroker('ip', '-6', 'address', 'flush', 'dev', device, 'scope', 'global')],
    },
    {
      name: 'the device has another remote',
      begin: [inBroker('ip', 'tunnel', 'change', device, 'remote', NOBODY)],
    },
  ]
}

function faultsOfRoutes(device: string): readonly Fault[] {
  const route = [FIRST.network, 'via', `::${NOBODY}`, 'dev', device, 'onlink', 'proto', '246']
  return [
    {
      name: 'the server’s addresses are flushed',
      begin: [inBroker('ip', '-6', 'route', 'flush', 'table', 'local', 'proto', '246')],
    },
    { name: 'the route leads elsewhere', begin: [inBroker('ip', '-6', 'route', 'replace', ...route)] },
  ]
}

/** What cuts the broker off from its clients. */
export function outages(longSeconds: number): readonly Fault[] {
  const cable = ['ip', 'link', 'set', 'to-broker'] as const
  return [
    {
      name: 'the cable of the uplink is pulled where we can’t see it',
      begin: [[...cable, 'nomaster']],
      lasts: longSeconds,
      health: CUT_OFF,
      end: [[...cable, 'master', 'ipv4']],
    },
    {
      name: 'the interface of the uplink is down',
      begin: [inBroker('ip', 'link', 'set', 'eth0', 'down')],
      lasts: 10,
      health: CUT_OFF,
      end: [inBroker('ip', 'link', 'set', 'eth0', 'up')],
    },
    {
      name: 'the server’s IPv4 address is gone',
      begin: [inBroker('ip', 'address', 'del', `${SERVER_IPV4}/24`, 'dev', 'eth0')],
      lasts: 10,
      end: [inBroker('ip', 'address', 'add', `${SERVER_IPV4}/24`, 'dev', 'eth0')],
    },
  ]
}

function setting(key: string, value: number): Command {
  return inBroker('sysctl', '-qw', `net.ipv6.conf.${key}=${value}`)
}

function inBroker(...command: Command): Command {
  return ['ip', 'netns', 'exec', 'broker', ...command]
}

function print(...command: readonly string[]): string {
  return runQuietly('broker', command).stdout
}

/** Scripts for the BSDs and macOS that end before one of their changes: what the next run makes of what is there. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BSD_TOOLS, type BsdSystem, KERNELS } from './bsd-tools.ts'
import { BSD_SYSTEMS, render, USUAL } from './render.ts'
import { ScriptHost } from './script-host.ts'

const PLAIN = ['mv', 'rm', 'cp', 'chmod'] as const
/** Counts calls that change something, and ends the script before the one that $STATE says. */
const BREAK = (tool: string) => `PATH=/usr/sbin:/usr/bin:/sbin:/bin
case "${tool} $*" in
  'route -n get '* | 'sysrc -qn '* | 'ifconfig ' | 'ifconfig gif0' | 'ifconfig gif0 inet6' | 'pfctl -s info') : ;;
  *)
    [ ! -e "$STATE/breaks-before" ] || {
      echo "${tool} $*" >> "$STATE/changes"
      read -r left < "$STATE/breaks-before"
      echo $((left - 1)) > "$STATE/breaks-before"
      [ "$left" != 1 ] || { kill -9 "$(cat "$STATE/pid")"; exit 1; }
    } ;;
esac
`
const TOOLS: Readonly<Record<string, string>> = Object.fromEntries([
  ...['sysrc', 'route', 'ifconfig', 'pfctl', 'npfctl'].map(tool => [
    tool,
    `${BREAK(tool)}${BSD_TOOLS[tool]}`,
  ]),
  ...['id', 'uname', 'kldload', 'ping6', 'ipconfig'].map(tool => [tool, BSD_TOOLS[tool]]),
  ...PLAIN.map(tool => [tool, `${BREAK(tool)}exec /usr/bin/${tool} "$@"`]),
])
/** All that the scripts may leave. */
const STATE = `echo STATE; cd "$STATE"
[ -s rules ] || /usr/bin/rm -f rules
for file in rc.* default6 gif0 rules pf /var/run/freenet6.*; do [ ! -e "$file" ] || { echo "[$file]"; cat "$file"; }; done
cd "$STATE/etc"; find . -type f | sort | while read -r file; do echo "[$file]"; cat "$file"; done`

type Action = 'up' | 'down'
const OWN_FILES = { freebsd: 'pf.conf', openbsd: 'pf.conf', netbsd: 'rc.conf', macos: 'pf.conf' } as const

for (const system of BSD_SYSTEMS)
  describe(`a script for ${system} that is interrupted before any of its changes`, () => {
    test('as the undo is finished by the next undo', () => assertSame(system, ['up', 'down', 'down']))
    test('is taken back by the undo', () => assertSame(system, [undefined, 'up', 'down']))
  })

test('the undo on freebsd of pf that the script turned on is finished by the next undo', () =>
  assertSame('freebsd', ['up', 'down', 'down'], 'off'))

type Actions = readonly [Action | undefined, Action, Action]

/** Runs scripts, the second of which breaks before each of its changes in turn; compares with one that does not. */
function assertSame(system: BsdSystem, actions: Actions, pf: 'on' | 'off' = 'on'): void {
  const { state: sound, changes } = run(system, actions, { breaksBefore: 0, pf })
  assert.ok(changes.length > 3)
  const differences = []
  for (const [at, change] of changes.entries()) {
    const { state, output } = run(system, actions, { breaksBefore: at + 1, pf })
    if (state !== sound) differences.push(`before: ${change}\n${output}\n===sound\n${sound}`)
  }
  assert.equal(differences.join('\n'), '')
}

function run(
  system: BsdSystem,
  [first, broken, last]: Actions,
  { breaksBefore, pf }: { readonly breaksBefore: number; readonly pf: 'on' | 'off' },
) {
  const host = new ScriptHost(TOOLS)
  try {
    host.remember('addresses', `\tinet ${USUAL.ipv4Client} netmask 0xffffff00\n`)
    if (pf === 'on') host.remember('pf', '')
    if (system === 'macos') host.remember('gif0', '')
    if (pf === 'on') host.write(OWN_FILES[system], 'hostname=here\n')
    if (first !== undefined) host.remember('first', render(system, first, USUAL))
    host.remember('broken', render(system, broken, USUAL))
    const option = (action: Action) => (action === 'up' ? ' --firewall' : '')
    const before = `export KERNEL=${KERNELS[system]}
${first === undefined ? '' : `sh "$STATE/first"${option(first)}`}
echo ${breaksBefore} > "$STATE/breaks-before"
sh "$STATE/broken"${option(broken)} & echo $! > "$STATE/pid"; wait $! || true
/usr/bin/rm "$STATE/breaks-before"; echo LAST`
    const args = last === 'up' ? ['--firewall'] : []
    const { stdout, stderr } = host.run(render(system, last, USUAL), { before, args, after: STATE })
    const changes = host.recall('changes').trimEnd().split('\n')
    return { changes, state: stdout.split('STATE\n')[1] ?? '', output: stdout + stderr }
  } finally {
    host.end()
  }
}

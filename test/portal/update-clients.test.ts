import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import {
  CURL_PATH,
  cronLine,
  curlLines,
  ddclientLines,
  FOLLOW_PATH,
  followLines,
  inadynLines,
  KEY_PLACE,
  SCRIPT_PATH,
} from '../../src/portal/update-lines.ts'
import { missingPackages } from '../packages.ts'
import { type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'
import { bearer, type Given, LAB } from './portal-world.ts'

test('the line for cron is one of a user’s own table, which every system has: the command follows the five times', () => {
  assert.match(cronLine({ hasShellScript: true }), /^\*\/5( \*){4} PATH=\$PATH:\S+; curl /)
})

const CLIENT_TIMEOUT_MS = 20_000

suite('update clients of Debian', { skip: await missingPackages(['ddclient', 'inadyn']) }, () => {
  let server: Server
  let dir: string
  let last = 0
  /** What runs the script again; the script here writes how many arguments it was given. */
  let follower: string
  let followed: string

  before(async () => {
    server = await startServer({ config: LAB })
    dir = mkdtempSync(join(tmpdir(), 'freenet6-update-'))
    followed = join(dir, 'followed')
    follower = join(dir, 'freenet6-follow')
    const script = keep('up.sh', `echo $# > ${followed}\n`)
    writeFileSync(follower, `${followLines().replace(SCRIPT_PATH, script)}\n`, { mode: 0o755 })
  })
  after(async () => {
    await server?.[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true, force: true })
  })

  async function register(): Promise<Given> {
    last++
    const response = await fetch(`${server.web}/api/v1/tunnels`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ipv4: `192.0.2.${last + 10}`,
        nicname: `client${last}`,
        country: 'ca',
        os: 'linux',
      }),
    })
    assert.equal(response.status, 201)
    return (await response.json()) as Given
  }

  async function endpointOf({ id, key }: Given): Promise<string> {
    const response = await fetch(`${server.web}/api/v1/tunnels/${id}`, { headers: bearer(key) })
    return ((await response.json()) as Given).ipv4_client
  }

  function linesOf({ id, name }: Given) {
    return { id, name, url: server.web, hasShellScript: true }
  }

  function filledIn(lines: string, { key }: Given): string {
    return lines.replace(KEY_PLACE, key).replace(FOLLOW_PATH, follower)
  }

  function runInadyn(config: string, more: readonly string[] = []): Promise<string> {
    const files = ['-f', config, '--cache-dir', dir, '-P', join(dir, 'inadyn.pid')]
    const args = ['-1', '-n', '-C', ...files, '-l', 'debug', '--force', ...more]
    return run('inadyn', args, /Error response from DDNS server|Temporary error|Will retry/)
  }

  /** Runs a client to its end; one that would go on trying by itself is ended once it has said so. */
  function run(command: string, args: readonly string[], goesOn = /$^/): Promise<string> {
    return new Promise(resolve => {
      const child = execFile(command, args, { timeout: CLIENT_TIMEOUT_MS }, (_, stdout, stderr) =>
        resolve(stdout + stderr),
      )
      let heard = ''
      const listen = (chunk: unknown) => {
        heard += String(chunk)
        if (goesOn.test(heard)) child.kill()
      }
      child.stdout?.on('data', listen)
      child.stderr?.on('data', listen)
    })
  }

  /** Writes a file that only its owner can read: both clients insist. */
  function keep(name: string, text: string): string {
    const file = join(dir, name)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }

  const CLIENTS = {
    /** With the lines that the tunnel's page shows; address and key are filled in. */
    ddclient: (tunnel: Given, ipv4: string, key: string) => {
      const lines = ddclientLines(linesOf(tunnel))
      const text = lines
        .replace(/^use=.*$/m, `use=ip, ip=${ipv4}`)
        .replace(KEY_PLACE, key)
        .replace(FOLLOW_PATH, follower)
      const files = [
        '-file',
        keep(`${tunnel.id}.ddclient`, `${text}\n`),
        '-cache',
        join(dir, `${tunnel.id}.cache`),
      ]
      return run('ddclient', ['-daemon=0', ...files, '-pid', '', '-verbose', '-force'])
    },
    /** With the lines that the page shows; but it is told its address. */
    inadyn: (tunnel: Given, ipv4: string, key: string) => {
      const text = inadynLines(linesOf(tunnel))
        .replace(/^ +checkip-server.*$/m, `  checkip-command = "/bin/echo ${ipv4}"`)
        .replace(KEY_PLACE, key)
      return runInadyn(keep(`${tunnel.id}.inadyn`, `${text}\n`))
    },
  } as const

  const HEARD = {
    ddclient: {
      good: /^SUCCESS: .*: good: IP address set to 203\.0\.113\.7$/m,
      nochg: /: nochg: /,
      wrongKey: /^FAILED: .*authorization/im,
      refused: /ipv4-in-use/,
    },
    inadyn: {
      good: /^good 203\.0\.113\.7$[\s\S]*Updating cache/m,
      nochg: /^nochg 203\.0\.113\.7$[\s\S]*Updating cache/m,
      wrongKey: /^badauth$/m,
      refused: /ipv4-in-use/,
    },
  } as const

  const AS_THEY_ARE = {
    ddclient: (tunnel: Given) => {
      const lines = filledIn(ddclientLines(linesOf(tunnel)), tunnel)
      const files = ['-file', keep('asis.ddclient', `${lines}\n`), '-cache', join(dir, 'asis.cache')]
      return run('ddclient', ['-daemon=0', ...files, '-pid', '', '-verbose', '-force'])
    },
    inadyn: (tunnel: Given) => {
      const lines = filledIn(inadynLines(linesOf(tunnel)), tunnel)
      const command = /^# as root: inadyn (.*)$/m.exec(lines)?.[1] ?? assert.fail(lines)
      return runInadyn(keep('asis.inadyn', `${lines}\n`), command.split(' '))
    },
    'curl from cron': (tunnel: Given) => {
      const file = keep('asis.curl', `${filledIn(curlLines(linesOf(tunnel)), tunnel)}\n`)
      const line = filledIn(cronLine(linesOf(tunnel)), tunnel).replace(CURL_PATH, file)
      return run('sh', ['-c', line.replace('*/5 * * * * ', '')])
    },
  } as const

  for (const [name, start] of Object.entries(AS_THEY_ARE)) {
    test(`${name}, with the lines of the page as they are, finds its own address here and runs the script again`, async () => {
      const tunnel = await register()
      rmSync(followed, { force: true })
      const output = await start(tunnel)
      assert.equal(await endpointOf(tunnel), '127.0.0.1', output)
      await until(() => existsSync(followed) && readFileSync(followed, 'utf8') === '0\n')
      await fetch(`${server.web}/api/v1/tunnels/${tunnel.id}`, {
        method: 'DELETE',
        headers: bearer(tunnel.key),
      })
    })
  }

  test('inadyn goes on trying after an address that is in use', async () => {
    const [tunnel, other] = [await register(), await register()]
    const output = await CLIENTS.inadyn(tunnel, other.ipv4_client, tunnel.key)
    assert.match(output, /911 ipv4-in-use/)
    assert.match(output, /Temporary error|Will retry/)
  })

  for (const name of ['ddclient', 'inadyn'] as const) {
    test(`${name} moves a tunnel, and is told when there is nothing to do`, async () => {
      const tunnel = await register()
      const first = await CLIENTS[name](tunnel, `203.0.113.7`, tunnel.key)
      assert.equal(await endpointOf(tunnel), '203.0.113.7', first)
      assert.match(first, HEARD[name].good)
      const again = await CLIENTS[name](tunnel, '203.0.113.7', tunnel.key)
      assert.match(again, HEARD[name].nochg)
      assert.equal(await endpointOf(tunnel), '203.0.113.7')
      await fetch(`${server.web}/api/v1/tunnels/${tunnel.id}`, {
        method: 'DELETE',
        headers: bearer(tunnel.key),
      })
    })

    test(`${name} takes a wrong key for a failure`, async () => {
      const tunnel = await register()
      const before = await endpointOf(tunnel)
      const output = await CLIENTS[name](tunnel, '203.0.113.8', 'f'.repeat(32))
      assert.match(output, HEARD[name].wrongKey)
      assert.doesNotMatch(output, /SUCCESS|Updating cache/)
      assert.equal(await endpointOf(tunnel), before)
    })

    test(`${name} takes an address that is refused for a failure, and says why`, async () => {
      const [tunnel, other] = [await register(), await register()]
      const before = await endpointOf(tunnel)
      const output = await CLIENTS[name](tunnel, other.ipv4_client, tunnel.key)
      assert.match(output, HEARD[name].refused)
      assert.doesNotMatch(output, /SUCCESS|Updating cache/)
      assert.equal(await endpointOf(tunnel), before)
    })
  }
})

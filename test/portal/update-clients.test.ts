import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { ddclientLines } from '../../src/portal/dyndns2.ts'
import { missingPackages } from '../packages.ts'
import { type Server, startServer } from '../spawn.ts'
import { bearer, type Given, LAB } from './portal-world.ts'

const CLIENT_TIMEOUT_MS = 20_000

suite('update clients of Debian', { skip: await missingPackages(['ddclient', 'inadyn']) }, () => {
  let server: Server
  let dir: string
  let last = 0

  before(async () => {
    server = await startServer({ config: LAB })
    dir = mkdtempSync(join(tmpdir(), 'freenet6-update-'))
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
      const lines = ddclientLines(tunnel.id, tunnel.name, server.web)
      const text = lines.replace(/^use=.*$/m, `use=ip, ip=${ipv4}`).replace('YOUR KEY', key)
      const files = [
        '-file',
        keep(`${tunnel.id}.ddclient`, `${text}\n`),
        '-cache',
        join(dir, `${tunnel.id}.cache`),
      ]
      return run('ddclient', ['-daemon=0', ...files, '-pid', '', '-verbose', '-force'])
    },
    inadyn: (tunnel: Given, ipv4: string, key: string) => {
      const { host } = new URL(server.web)
      const text = `custom freenet6 {
  ssl = false
  username = ${tunnel.id}
  password = ${key}
  hostname = ${tunnel.name}
  checkip-command = "/bin/echo ${ipv4}"
  ddns-server = ${host}
  ddns-path = "/nic/update?hostname=%h&myip=%i"
}
`
      const config = keep(`${tunnel.id}.inadyn`, text)
      return run(
        'inadyn',
        ['-1', '-n', '-C', '-f', config, '--cache-dir', dir, '-l', 'debug', '--force'],
        /^.*Error response from DDNS server/m,
      )
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

  test('ddclient, with the lines of the page as they are, finds its own address here', async () => {
    const tunnel = await register()
    const lines = ddclientLines(tunnel.id, tunnel.name, server.web).replace('YOUR KEY', tunnel.key)
    const files = ['-file', keep('asis.ddclient', `${lines}\n`), '-cache', join(dir, 'asis.cache')]
    const output = await run('ddclient', ['-daemon=0', ...files, '-pid', '', '-verbose', '-force'])
    assert.equal(await endpointOf(tunnel), '127.0.0.1', output)
    await fetch(`${server.web}/api/v1/tunnels/${tunnel.id}`, {
      method: 'DELETE',
      headers: bearer(tunnel.key),
    })
  })

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

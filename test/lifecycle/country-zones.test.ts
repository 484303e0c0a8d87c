import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { TYPE } from '../../src/wire/codes.ts'
import { parseName } from '../../src/wire/name.ts'
import { serialCompare, soaSerial } from '../../src/zone/serial.ts'
import { answered, registered } from './stages.ts'
import { registerOne, World } from './world.ts'

const COUNTRY = 'de.freenet6.net'
const ZONE = '$TTL 60\n@ SOA ns1.example.net. hostmaster 1 2 3 4 5\n@ NS ns1.example.net.\n'

function directoryWithZone(): string {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-country-'))
  mkdirSync(join(directory, 'zones'))
  writeFileSync(join(directory, 'zones', `${COUNTRY}.zone`), ZONE)
  return directory
}

async function up(world: World, index: number) {
  const request = { ipv4: `198.51.100.${index}`, nicname: `h${index}`, country: 'de', os: 'linux' }
  const { tunnel } = registered(await registerOne(world.lifecycle, request))
  await world.lifecycle.bringUpNew()
  return tunnel
}

function serial(world: World): number {
  const name = parseName(`${COUNTRY}.`) ?? assert.fail()
  const [soa] = world.catalog.rrset(name, TYPE.SOA)?.rdatas ?? []
  return soaSerial(soa ?? assert.fail('no SOA'))
}

suite('tunnels in a zone of its own below theirs', () => {
  test('whose rows are deleted or renamed by hand are answered no more after the next audit', async () => {
    const world = await World.open({ directory: directoryWithZone() })
    const [gone, renamed] = [await up(world, 1), await up(world, 2)]
    world.edit(`DELETE FROM tunnels WHERE id = '${gone.id}'`)
    world.edit(`UPDATE tunnels SET nicname = 'other' WHERE id = '${renamed.id}'`)
    await world.audit.run()
    assert.deepEqual([answered(world, gone), answered(world, renamed)], [undefined, undefined])
    assert.ok(answered(world, { ...renamed, nicname: 'other' }))
    assert.equal((await world.audit.run()).differences, 0)
    world.end()
  })

  test('have a serial there that is never an earlier one, after an older backup was put back too', async () => {
    const directory = directoryWithZone()
    let world = await World.open({ directory })
    await up(world, 1)
    await world.broker.store.backUp(join(directory, 'backup'))
    await up(world, 2)
    await up(world, 3)
    const told = serial(world)
    const now = world.now + 3600
    world.broker.close()
    rmSync(join(directory, 'data'), { recursive: true })
    mkdirSync(join(directory, 'data'))
    cpSync(join(directory, 'backup'), join(directory, 'data', 'freenet6.db'))
    world = await World.open({ directory, kernel: world.kernel, now })
    assert.equal(serialCompare(serial(world), told), 1)
    world.end()
  })
})

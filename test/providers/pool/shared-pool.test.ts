import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FailedPreconditionError, NotFoundError } from '../../../src/libstorage/errors.ts'
import { leftoverName } from '../../../src/libstorage/leftover.ts'
import { identifySelf } from '../../../src/libstorage/process-identity.ts'
import { run } from '../../../src/libstorage/run.ts'
import { LoopContent } from '../../../src/providers/loop/driver.ts'
import type { Content } from '../../../src/providers/pool/content.ts'
import { Pool } from '../../../src/providers/pool/pool.ts'
import { PoolDriver } from '../../../src/providers/pool/pool-driver.ts'
import { PoolTurns } from '../../../src/providers/pool/pool-turns.ts'
import { VfsContent } from '../../../src/providers/vfs/driver.ts'
import { PoolWorld } from '../../support/pool-world.ts'

let world: PoolWorld

const OURS = 'a'.repeat(32)
const THEIRS = 'b'.repeat(32)

beforeEach(async () => {
  world = await PoolWorld.make()
})
afterEach(() => world.cleanup())

/** A driver on a pool that a server shares with other kernels. */
function driverOf(make: (turns: PoolTurns) => Content, folder: string): PoolDriver {
  const turns = new PoolTurns(world.pool)
  const memory = join(world.root, 'memory')
  const pool = new Pool(world.pool, folder, { run, turns, memory, shared: async () => true })
  return new PoolDriver(pool, make(turns), { instance: 'here', machineId: OURS }, run)
}

/** A volume that a machine with another kernel has attached. */
async function attachedElsewhere(
  driver: PoolDriver,
  instance: string,
  machineId?: string,
): Promise<string> {
  const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  const since = new Date(0).toISOString()
  const claim = { token: 'a', instance, since, bootId: 'theirs', machineId }
  await writeFile(join(world.pool, 'data', 'attachment.json'), JSON.stringify(claim))
  return id
}

describe('in a pool that other kernels share', () => {
  test('another machine’s claim is believed, since its devices cannot be seen from here', async () => {
    const driver = driverOf((turns) => new VfsContent(run, turns), 'files')
    const id = await attachedElsewhere(driver, 'there')
    expect((await driver.volume(id)).attachments).toMatchObject([{ instanceId: 'there' }])
    const attempt = driver.attachVolume(id, 'here')
    await expect(attempt).rejects.toThrow(FailedPreconditionError)
    await expect(attempt).rejects.toThrow('is attached to there since 1970-01-01T00:00:00.000Z')
    await expect(driver.removeVolume(id)).rejects.toThrow('is attached to there')
  })

  test('a directory can be given up for another machine', async () => {
    const driver = driverOf((turns) => new VfsContent(run, turns), 'files')
    const id = await attachedElsewhere(driver, 'there')
    await driver.detachVolume(id, 'there')
    await driver.attachVolume(id, 'here')
  })

  test('a disk cannot, not even by force: that machine’s kernel would go on writing', async () => {
    const driver = driverOf((turns) => new LoopContent(run, turns), 'disk')
    const id = await attachedElsewhere(driver, 'there')
    for (const force of [false, true])
      await expect(driver.detachVolume(id, 'there', { force })).rejects.toThrow(
        'whose kernel this machine cannot make let go, detach it there',
      )
    expect(await readFile(join(world.pool, 'data', 'attachment.json'), 'utf8')).toContain('there')
  })

  test.each([OURS, undefined])(
    'our own claim from before a reboot is over (machine %s)',
    async (machineId) => {
      const driver = driverOf((turns) => new VfsContent(run, turns), 'files')
      const id = await attachedElsewhere(driver, 'here', machineId)
      expect((await driver.volume(id)).attachments).toEqual([])
      await driver.attachVolume(id, 'here')
    },
  )

  test('a claim of this very boot is ours, though the machine got another id meanwhile', async () => {
    const driver = driverOf((turns) => new VfsContent(run, turns), 'files')
    const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
    const { since } = await driver.attachVolume(id, 'here')
    const path = join(world.pool, 'data', 'attachment.json')
    const claim = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...claim, machineId: THEIRS }))
    expect((await driver.attachVolume(id, 'here')).since).toEqual(since)
    await driver.detachVolume(id, 'here')
    expect((await driver.volume(id)).attachments).toEqual([])
  })

  test('the claim of another machine with our name is believed, and names it as another', async () => {
    const driver = driverOf((turns) => new VfsContent(run, turns), 'files')
    const id = await attachedElsewhere(driver, 'here', THEIRS)
    const holder = 'here (machine bbbbbbbb)'
    expect((await driver.volume(id)).attachments).toMatchObject([{ instanceId: holder }])
    await expect(driver.attachVolume(id, 'here')).rejects.toThrow(`is attached to ${holder} since`)
    await expect(driver.removeVolume(id)).rejects.toThrow(`is attached to ${holder} since`)
    await expect(driver.detachVolume(id, 'here')).rejects.toThrow(NotFoundError)
    await driver.detachVolume(id, holder)
    await driver.attachVolume(id, 'here')
    const claim = JSON.parse(await readFile(join(world.pool, 'data', 'attachment.json'), 'utf8'))
    expect(claim.machineId).toBe(OURS)
  })

  test('what a process of another kernel works on is left alone for a day', async () => {
    const driver = driverOf((turns) => new VfsContent(run, turns), 'files')
    const entry = leftoverName('creating', { ...identifySelf(), bootId: 'theirs' })
    await mkdir(join(world.pool, entry))
    await driver.volumes()
    expect(await readdir(world.pool)).toEqual([entry])
    const long = new Date(Date.now() - 2 * 86_400_000)
    await utimes(join(world.pool, entry), long, long)
    await driver.volumes()
    expect(await readdir(world.pool)).toEqual([])
  })
})

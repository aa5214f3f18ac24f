import { constants, mkdtempSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TimeoutError } from '../../../src/libstorage/errors.ts'
import { type Run, run } from '../../../src/libstorage/run.ts'
import { describeHeldDevice } from '../../support/driver-suite/attachments.ts'
import { spec, World } from '../../support/driver-suite/world.ts'
import { eventually } from '../../support/eventually.ts'
import { loopUnavailable } from '../../support/loop-world.ts'
import { LoopDisks } from '../../support/virtualbox/loop-disks.ts'
import { ApiError } from '../../support/virtualbox/model.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

/** No device opens in time. */
const hanging: Run = (command, args, options) =>
  args.some((word) => word.startsWith('/sys/class/block/'))
    ? Promise.reject(new TimeoutError({ subject: command, problem: 'did not end within 10 s' }))
    : run(command, args, options)

let folder: string
let machines: VirtualboxWorld

const title =
  loopUnavailable === undefined
    ? 'over real block devices'
    : `over real block devices (${loopUnavailable})`

describe.skipIf(loopUnavailable !== undefined)(title, () => {
  const world = new World(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'remora-disks-'))
    machines = new VirtualboxWorld({ disks: new LoopDisks(folder) })
    return {
      provider: await machines.provider(),
      restarted: () => machines.provider(),
      otherInstance: machines.there.machine.id,
      other: await machines.provider(machines.there),
      hold: async (device) => {
        const held = await open(device, constants.O_RDONLY | constants.O_EXCL)
        return () => held.close()
      },
      cleanup: async () => {
        await machines.close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  })
  beforeEach(() => world.open())
  afterEach(() => world.close())

  describeHeldDevice(world)

  test('the device of a volume is a block device of its size, and its own', async () => {
    const { driver, executor } = world.provider
    const { id } = await driver.createVolume({ ...spec('data'), sizeGiB: 2 })
    const device = await executor.device(await driver.attachVolume(id, world.here))
    expect(statSync(device ?? '').isBlockDevice()).toBe(true)
    const opened = await open(device ?? '', 'r')
    try {
      const last = await opened.read({ position: 2 * 2 ** 30 - 512, length: 512 })
      expect(last.bytesRead).toBe(512)
      expect((await opened.read({ position: 2 * 2 ** 30 })).bytesRead).toBe(0)
    } finally {
      await opened.close()
    }
  })

  test('a disk that hangs stays attached, and is an error that says so', async () => {
    const { id } = await world.make('data')
    const attachment = await world.driver.attachVolume(id, world.here)
    const { provider } = await machines.process(machines.here, {}, { run: hanging })
    await expect(provider.driver.detachVolume(id, world.here)).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: expect.stringContaining('does not answer an open within 10 s'),
    })
    expect(await world.attachmentsOf(id)).toEqual([attachment])
  })

  test('a disk that does not show by itself does after the kernel was asked to look', async () => {
    const { guest } = machines.here
    guest.isSlow = true
    const { id } = await world.make('data')
    const attachment = await world.driver.attachVolume(id, world.here)
    await eventually(async () =>
      expect(await world.provider.executor.device(attachment)).toMatch(/\/sd[b-z]$/),
    )
    expect(guest.rescans).toBeGreaterThan(0)
  })

  test('a disk that VirtualBox does not let go of comes back', async () => {
    const { id } = await world.make('data')
    const attachment = await world.driver.attachVolume(id, world.here)
    machines.service.failNext(
      'IMachine_detachDevice',
      () => new ApiError(0x80bb0009, 'The device is not hot-pluggable'),
    )
    await expect(world.driver.detachVolume(id, world.here)).rejects.toThrow('cannot be hot-plugged')
    expect(await world.attachmentsOf(id)).toEqual([attachment])
    await eventually(async () =>
      expect(await world.provider.executor.device(attachment)).toMatch(/\/sd[b-z]$/),
    )
  })

  test('the kernel lets go of a disk before VirtualBox pulls it', async () => {
    const { id } = await world.make('data')
    await world.driver.attachVolume(id, world.here)
    const { guest } = machines.here
    let seen: unknown = 'not asked'
    machines.service.gates.set(
      'IMachine_detachDevice',
      eventually(() => {
        seen = guest.mediumOf('sdb')
        expect(seen).toBeUndefined()
      }),
    )
    await world.driver.detachVolume(id, world.here)
    expect(seen).toBeUndefined()
  })
})

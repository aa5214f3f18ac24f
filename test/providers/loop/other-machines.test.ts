import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  FailedPreconditionError,
  NotFoundError,
  TimeoutError,
} from '../../../src/libstorage/errors.ts'
import { run } from '../../../src/libstorage/run.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { loopDefinition } from '../../../src/providers/loop/config.ts'
import { loopStatus } from '../../../src/providers/loop/losetup.ts'
import { eventually } from '../../support/eventually.ts'
import { PoolWorld, sh } from '../../support/pool-world.ts'

/** A word of the program that cuts a device to nothing. */
const PULL = 'LOOP_GET_STATUS64'

const unavailable = await loopDefinition.unavailable()

describe.skipIf(unavailable !== undefined)('loop devices of several machines over one file', () => {
  let world: PoolWorld
  let here: Provider
  let there: Provider
  let id: string
  const opened: FileHandle[] = []

  beforeEach(async () => {
    world = await PoolWorld.make()
    here = await world.provider(loopDefinition, 'here')
    there = await world.provider(loopDefinition, 'there')
    id = (await here.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })).id
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((handle) => handle.close()))
    await world.cleanup()
  })

  async function attach(provider: Provider, instance: string): Promise<string> {
    const attachment = await provider.driver.attachVolume(id, instance)
    return (await provider.executor.device(attachment)) ?? ''
  }

  async function keepOpen(device: string, flags: number): Promise<FileHandle> {
    const handle = await open(device, flags)
    opened.push(handle)
    return handle
  }

  const hold = (device: string) => keepOpen(device, constants.O_RDONLY | constants.O_EXCL)

  /** A machine that is held up before it runs the tool whose command line has this word, until all this is done. */
  function heldUp(instance: string, word: string, meanwhile: () => Promise<void>) {
    let isDone = false
    return loopDefinition.create(
      { pool: world.pool, instance },
      {
        service: 'loop',
        libDirectory: world.root,
        run: async (command, args, options) => {
          if (!isDone && [command, ...args].join(' ').includes(word)) {
            isDone = true
            await meanwhile()
          }
          return await run(command, args, options)
        },
      },
    )
  }

  async function expectThereHasIt(device: string): Promise<void> {
    const { attachments } = await here.driver.volume(id)
    expect(attachments).toMatchObject([{ instanceId: 'there', state: 'attached' }])
    expect(await sh('blockdev', '--getsize64', device)).toBe(String(2 ** 30))
  }

  test.each([
    { force: false, when: 'looks for its devices', word: '--list' },
    { force: true, when: 'looks for its devices', word: '--list' },
    { force: false, when: 'lets its device go', word: '--detach' },
    { force: true, when: 'lets its device go', word: '--detach' },
  ])(
    'a detach (force $force) takes nothing from whoever got the volume before it $when',
    async ({ force, word }) => {
      await attach(here, 'here')
      let device = ''
      const late = await heldUp('here', word, async () => {
        await there.driver.detachVolume(id, 'here')
        device = await attach(there, 'there')
      })
      await late.driver.detachVolume(id, 'here', { force })
      await expectThereHasIt(device)
    },
  )

  test.each([false, true])(
    'a detach (force %s) of a device that hangs is given up, and takes nothing',
    async (force) => {
      const device = await attach(here, 'here')
      const late = await heldUp('here', `/sys/class/block/${path.basename(device)}`, async () => {
        throw new TimeoutError({ subject: 'perl', problem: 'did not end within 10 s' })
      })
      await expect(late.driver.detachVolume(id, 'here', { force })).rejects.toMatchObject({
        code: 'ERR_TIMEOUT',
        message: expect.stringContaining(`device ${device} does not answer an open within 10 s`),
      })
      expect(await here.driver.volume(id)).toMatchObject({ attachments: [{ instanceId: 'here' }] })
    },
  )

  test('a pull cuts nobody off who got the volume before it', async () => {
    const holder = await hold(await attach(here, 'here'))
    let device = ''
    const late = await heldUp('third', PULL, async () => {
      await holder.close()
      await here.driver.detachVolume(id, 'here')
      device = await attach(there, 'there')
      await hold(device)
    })
    await late.driver.detachVolume(id, 'here', { force: true })
    await expectThereHasIt(device)
  })

  test('a pull whose process died right after it leaves no device once the holder lets go', async () => {
    const device = await attach(here, 'here')
    const holder = await hold(device)
    const dying = await loopDefinition.create(
      { pool: world.pool, instance: 'there' },
      {
        service: 'loop',
        libDirectory: world.root,
        run: async (command, args, options) => {
          const result = await run(command, args, options)
          if (args.join(' ').includes(PULL)) throw new Error('the process died')
          return result
        },
      },
    )
    await expect(dying.driver.detachVolume(id, 'here', { force: true })).rejects.toThrow()
    await holder.close()
    // Others may have it open for a moment, who list devices.
    await eventually(() =>
      expect(loopStatus(device)?.backingFile.startsWith(world.pool)).not.toBe(true),
    )
  })

  test('a detach of what nobody has takes nothing from whoever gets it meanwhile', async () => {
    let device = ''
    const late = await heldUp('here', '--list', async () => {
      device = await attach(there, 'there')
    })
    await expect(late.driver.detachVolume(id, 'here')).rejects.toThrow(NotFoundError)
    await expectThereHasIt(device)
  })

  test('a removal is refused where somebody gets the volume meanwhile', async () => {
    let device = ''
    const late = await heldUp('here', '--list', async () => {
      device = await attach(there, 'there')
    })
    await expect(late.driver.removeVolume(id)).rejects.toThrow('is attached to there')
    await expectThereHasIt(device)
  })

  test('force takes a device away that somebody has open, though not for himself alone', async () => {
    const device = await attach(here, 'here')
    const writer = await keepOpen(device, constants.O_RDWR)
    await expect(here.driver.detachVolume(id, 'here')).rejects.toThrow(FailedPreconditionError)
    await there.driver.detachVolume(id, 'here', { force: true })
    const winner = await attach(there, 'there')
    await expect(writer.write(Buffer.alloc(4096, 'x'), 0, 4096, 0)).rejects.toThrow()
    const reader = await keepOpen(winner, constants.O_RDONLY)
    expect(
      (await reader.read(Buffer.alloc(4096), 0, 4096, 0)).buffer.every((byte) => byte === 0),
    ).toBe(true)
    expect(winner).not.toBe(device)
  })
})

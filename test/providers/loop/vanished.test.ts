import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import type { VolumeAttachment } from '../../../src/libstorage/types.ts'
import { loopDefinition } from '../../../src/providers/loop/config.ts'
import { loopStatus } from '../../../src/providers/loop/losetup.ts'
import { PoolWorld } from '../../support/pool-world.ts'

describe.skipIf((await loopDefinition.unavailable()) !== undefined)(
  'a volume whose folder was taken out of its pool while it was attached (root)',
  () => {
    let world: PoolWorld
    let provider: Provider
    beforeEach(async () => {
      world = await PoolWorld.make()
      provider = await world.provider(loopDefinition, 'here')
    })
    afterEach(() => world.cleanup())

    async function attached(): Promise<VolumeAttachment & { deviceName: string }> {
      const { id } = await provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
      const { deviceName = '', ...attachment } = await provider.driver.attachVolume(id, 'here')
      return { ...attachment, deviceName }
    }

    /** A process that comes later, and is asked for what an earlier one recorded. */
    async function restarted(recorded: VolumeAttachment): Promise<string | undefined> {
      provider = await world.provider(loopDefinition, 'here')
      return await provider.executor.device(recorded)
    }

    const vanish = () => rm(join(world.pool, 'data'), { recursive: true })

    test('has its device still after a restart, which a detach takes away', async () => {
      const recorded = await attached()
      await vanish()
      expect(await restarted(recorded)).toBe(recorded.deviceName)
      await provider.driver.detachVolume(recorded.volumeId, 'here')
      expect(loopStatus(recorded.deviceName)?.backingFile ?? '').not.toContain(world.pool)
    })

    test.each([false, true])(
      'is detached without touching a new one of its name (after a restart: %s)',
      async (isAfterRestart) => {
        const old = await attached()
        await vanish()
        if (isAfterRestart) await restarted(old)
        const next = await attached()
        await provider.driver.detachVolume(old.volumeId, 'here')
        expect(await provider.executor.device(next)).toBe(next.deviceName)
        expect(loopStatus(next.deviceName)?.backingFile).toBe(join(world.pool, 'data/disk'))
        expect(await provider.driver.volume(next.volumeId)).toMatchObject({
          attachments: [{ since: next.since }],
        })
      },
    )

    test('has no device where that name is of something else by now', async () => {
      const recorded = await attached()
      await provider.driver.detachVolume(recorded.volumeId, 'here')
      await vanish()
      expect(await restarted(recorded)).toBeUndefined()
    })
  },
)

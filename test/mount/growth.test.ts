import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FailedPreconditionError } from '../../src/libstorage/errors.ts'
import { newRecord } from '../../src/mount/ledger-record.ts'
import type { Disk } from '../../src/mount/mounter.ts'
import { type Facts, type KernelFacts, reconcile } from '../../src/mount/reconcile.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

describe('growth that does not come about', () => {
  test('of a device that others hold is told, and the Mount is as good', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const [device = ''] = world.kernel.mounts().map(({ source }) => source)
    world.kernel.heldByOthers.add(device)
    await manager.unmount({ name: 'data', holder: 'a' })
    world.kernel.unfilledBytes.set(device, 2 ** 30)
    await mounted(manager, 'data', 'b')
    expect((await manager.get('data')).lastError).toBe(`${device} is not grown while mounted`)
    expect(world.events.map(({ kind }) => kind)).toContain('failed')
    expect(world.ledger().all()).toMatchObject([{ references: [{ id: 'b' }] }])
    expect(world.ledger().all()[0]?.tool).toBeUndefined()
  })

  describe('before the Mount', () => {
    const died = new FailedPreconditionError({ subject: 'resize2fs', problem: 'was killed' })
    const damaged = new FailedPreconditionError({ subject: 'data', problem: 'needs repair' })
    let manager: ReturnType<typeof world.manager>
    let steps: string[]
    let fails: (step: string) => Error | undefined
    let depths: unknown[]
    const mounting = () => {
      steps = []
      depths = []
      return mounted(manager, 'data', 'b')
    }
    beforeEach(async () => {
      manager = world.manager()
      await manager.create('data', { fstype: 'ext4' })
      await mounted(manager, 'data', 'a')
      await manager.unmount({ name: 'data', holder: 'a' })
      world.kernel.unfilled = async () => 2 ** 30
      const check = world.kernel.check.bind(world.kernel)
      world.kernel.check = async (...args: [Disk, string?, unknown?, unknown?]) => {
        depths.push(args[3] ?? 'quick')
        await check(args[0])
      }
      world.kernel.before = async (effect) => {
        const [step = ''] = effect.split(' ')
        steps.push(step)
        const error = fails(step)
        if (error !== undefined) throw error
      }
    })

    test('may leave it half changed: it is checked, and mounted with a remark where it is sound', async () => {
      fails = (step) => (step === 'grow' ? died : undefined)
      await mounting()
      expect(steps.slice(steps.indexOf('grow'))).toEqual(['grow', 'check', 'mount'])
      expect(depths).toEqual(['quick', 'thorough', 'thorough'])
      expect((await manager.get('data')).lastError).toBe('resize2fs was killed')
      expect(world.ledger().all()[0]?.growing).toBeUndefined()
    })

    test('is never followed by a mount where the check does not pass, not by a later one either', async () => {
      fails = (step) =>
        step === 'grow' ? died : step === 'check' && steps.includes('grow') ? damaged : undefined
      await expect(mounting()).rejects.toThrow('data needs repair')
      world.kernel.unfilled = async () => 0
      fails = (step) => (step === 'check' ? damaged : undefined)
      await expect(mounting()).rejects.toThrow('data needs repair')
      expect(depths).toEqual(['thorough'])
      expect(steps).not.toContain('mount')
      fails = () => undefined
      await mounting()
      expect(depths).toEqual(['thorough'])
      expect(world.ledger().all()[0]?.growing).toBeUndefined()
    })

    test('is marked on disk before it begins, and no longer when it has ended well', async () => {
      const marks: boolean[] = []
      fails = (step) => {
        if (['check', 'grow', 'mount'].includes(step))
          marks.push(world.ledger().all()[0]?.growing !== undefined)
        return undefined
      }
      await mounting()
      expect(steps.filter((step) => ['check', 'grow', 'mount'].includes(step))).toEqual([
        'check',
        'check',
        'grow',
        'mount',
      ])
      expect(marks).toEqual([false, false, true, false])
    })

    test('does not outlast a volume that is removed', async () => {
      fails = (step) =>
        step === 'grow' ? died : step === 'check' && steps.includes('grow') ? damaged : undefined
      await expect(mounting()).rejects.toThrow('data needs repair')
      expect(world.ledger().all()).toHaveLength(1)
      await manager.remove('data')
      expect(world.ledger().all()).toEqual([])
    })
  })

  test('is a sentence where the driver cannot change a volume', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await expect(manager.resize('data', 2)).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED',
      message:
        'volume "data" cannot be resized: driver memory has no way to, make a larger volume and copy what is in it',
    })
  })
})

describe('copies where the driver has none', () => {
  test('are refused, and no volume is made', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await expect(manager.snapshots()).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    await expect(manager.createSnapshot('data', 'x')).rejects.toThrow(
      'service "memory" has no snapshots: driver memory knows none, use a service that has them',
    )
    for (const option of ['snapshotID', 'volumeName'])
      await expect(manager.create('copy', { [option]: 'data' })).rejects.toThrow(
        `option ${option.toLowerCase()} cannot be fulfilled by driver memory`,
      )
    expect((await manager.list()).map(({ volume }) => volume.name)).toEqual(['data'])
  })
})

test.each([{}, { attachment: { instanceId: 'here', since: '2024-05-01T12:00:00.000Z' } }])(
  'a growth that a boot cut short stays on record with %o: the file system is still to be checked',
  (attached) => {
    const volume = { id: 'vol', name: 'data', sizeGiB: 1, managed: true, labels: {} }
    const growing = { since: '2024-05-01T12:00:00.000Z' }
    const before = { ...newRecord('main', volume, 'earlier'), ...attached, growing }
    const kernel: KernelFacts = {
      mountPoint: '/mnt/data',
      place: 'absent',
      device: undefined,
      olderMounts: [],
    }
    const facts: Facts = {
      bootId: 'this',
      now: '2024-05-01T13:00:00.000Z',
      here: 'here',
      kernel,
      platform: { says: 'nothing yet' },
    }
    expect(reconcile(before, facts).record.growing).toEqual(growing)
  },
)

import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ToolRecord } from '../../../src/mount/ledger-record.ts'
import { canMount, has, tool } from '../../support/disk-world.ts'
import { KernelWorld, unnoted } from '../../support/kernel-world.ts'

const SIZE_MIB = 320
const makers = [
  ['ext4', 16],
  ['xfs', 12],
  ['btrfs', 254],
] as const

let world: KernelWorld
beforeEach(() => {
  world = new KernelWorld()
})
afterEach(() => world.end())

const labelOf = async (device: string) =>
  (await tool('blkid', '-p', '-o', 'value', '-s', 'LABEL', device).catch(() => '')).trim()

for (const [fsType, labelBytes] of makers) {
  const possible = canMount && has(`mkfs.${fsType}`)
  describe.skipIf(!possible)(`a new ${fsType} (root, mkfs.${fsType})`, () => {
    const make = (device: string, label: string, uuid: string = randomUUID()) =>
      world.mounter.makeFileSystem({ device }, { fsType, uuid, label }, unnoted)

    test('has the UUID that was chosen beforehand, fills the device, and can be mounted', async () => {
      const device = await world.disk(SIZE_MIB)
      const uuid = randomUUID()
      await make(device, 'data', uuid)
      expect(await world.mounter.identify(device)).toEqual({ kind: 'file-system', fsType, uuid })
      expect(await labelOf(device)).toBe('data')
      const at = await world.mount(device, 'mnt')
      const { usedBytes, freeBytes } = await world.mounter.usage(at)
      expect(usedBytes + freeBytes).toBeGreaterThan((SIZE_MIB * 1_048_576) / 2)
    })

    test.each([
      ['-rf /', '-rf /'],
      ['$(id)', '$(id)'],
      ['übergroß', ''],
      ['line\nbreak', 'line'],
      ['', ''],
    ])('takes of the odd name %j what a label can hold', async (name, label) => {
      const device = await world.disk(SIZE_MIB)
      await make(device, name)
      expect(await labelOf(device)).toBe(label)
    })

    test('has as much of a long name as its label can hold', async () => {
      const device = await world.disk(SIZE_MIB)
      await make(device, 'a'.repeat(300))
      expect(await labelOf(device)).toBe('a'.repeat(labelBytes))
    })

    test('is named as a tool before a byte of it is written, and not made where it cannot be', async () => {
      const device = await world.disk(SIZE_MIB)
      const named: ToolRecord[] = []
      const spec = { fsType, uuid: randomUUID(), label: 'data' }
      const made = world.mounter.makeFileSystem({ device }, spec, async (one) => {
        named.push(one)
        throw new Error('cannot be noted')
      })
      await expect(made).rejects.toThrow('cannot be noted')
      expect(named).toMatchObject([{ command: `mkfs.${fsType}` }])
      const test = { sizeBytes: SIZE_MIB * 1_048_576, sampled: true }
      expect(await world.mounter.findData(device, test)).toBeUndefined()
    })

    test('is not made over one that another server has made since the device was found blank', async () => {
      const device = await world.disk(SIZE_MIB)
      await make(device, 'theirs')
      await expect(make(device, 'ours')).rejects.toMatchObject({
        code: 'ERR_UNAVAILABLE',
        message: `device ${device} is being formatted by another program on this machine, try again: what that makes is mounted as found`,
      })
      expect(await labelOf(device)).toBe('theirs')
    })

    test('is made once by two servers that found the device blank at the same time', async () => {
      const device = await world.disk(SIZE_MIB)
      const results = await Promise.allSettled(['one', 'other'].map((label) => make(device, label)))
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      const winner = results[0]?.status === 'fulfilled' ? 'one' : 'other'
      expect(await labelOf(device)).toBe(winner)
      await expect(world.mount(device, 'mnt')).resolves.toBeDefined()
    })

    test('is not made over what is mounted', async () => {
      const device = await world.disk(SIZE_MIB)
      await make(device, 'theirs')
      await world.mount(device, 'mnt')
      await tool('wipefs', '--all', '--force', device)
      await expect(make(device, 'ours')).rejects.toMatchObject({
        code: 'ERR_FAILED_PRECONDITION',
        message: expect.stringMatching(
          new RegExp(`^mkfs\\.${fsType} ${device} failed: .+, mend that and try again$`),
        ),
      })
    })

    test('can be made here, as is said beforehand', async () => {
      await expect(world.mounter.requireMaker(fsType)).resolves.toBeUndefined()
    })
  })
}

test('a file system that cannot be made here is refused with what is missing', async () => {
  await expect(world.mounter.requireMaker('of-ours')).rejects.toMatchObject({
    code: 'ERR_FAILED_PRECONDITION',
    message: 'mkfs.of-ours is not installed on this machine, install the package that has it',
  })
})

describe.skipIf(!canMount || !has('debugfs'))(
  'the check of ext before a mount (root, debugfs)',
  () => {
    const check = (device: string, fsType = 'ext4') =>
      world.mounter.check({ device }, fsType, unnoted)
    const debugfs = (device: string, command: string) =>
      tool('debugfs', '-w', '-R', command, device)

    test.each(['ext2', 'ext3', 'ext4'])('passes a clean %s', async (fsType) => {
      const device = await world.formatted(fsType, 16)
      await expect(check(device, fsType)).resolves.toBeUndefined()
    })

    test('names its tool before it begins', async () => {
      const device = await world.formatted('ext4', 16)
      const named: ToolRecord[] = []
      await world.mounter.check({ device }, 'ext4', async (one) => void named.push(one))
      expect(named).toMatchObject([{ command: 'e2fsck' }])
    })

    test('replays a journal and mends what is safe to mend', async () => {
      const device = await world.formatted('ext4', 16)
      await debugfs(device, 'ssv state 2')
      await expect(check(device)).resolves.toBeUndefined()
      await expect(tool('e2fsck', '-n', device)).resolves.toContain('clean')
    })

    test('refuses what needs a decision, with what was found and the command that repairs', async () => {
      const device = await world.formatted('ext4', 16)
      await debugfs(device, 'clri <2>')
      await debugfs(device, 'ssv state 2')
      await expect(check(device)).rejects.toMatchObject({
        code: 'ERR_FAILED_PRECONDITION',
        message: `the ext4 file system on ${device} needs repair: e2fsck says "${device}: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.", attach the volume and repair it with e2fsck -f on its device (it was ${device})`,
      })
    })

    test('gives the verdict also of a file system with a label, as all of ours have', async () => {
      const device = await world.formatted('ext4', 16)
      await tool('e2label', device, 'data')
      await debugfs(device, 'clri <2>')
      await debugfs(device, 'ssv state 2')
      await expect(check(device)).rejects.toThrow(
        'e2fsck says "data: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY."',
      )
    })

    test('refuses a superblock that is gone', async () => {
      const device = await world.formatted('ext4', 16)
      await tool('dd', 'if=/dev/zero', `of=${device}`, 'bs=4096', 'count=1', 'conv=notrunc')
      await expect(check(device)).rejects.toThrow(
        `e2fsck says "e2fsck: Bad magic number in super-block while trying to open ${device}"`,
      )
    })

    test('refuses what is mounted, and changes nothing', async () => {
      const device = await world.formatted('ext4', 16)
      await world.mount(device, 'mnt')
      await expect(check(device)).rejects.toThrow(`e2fsck says "${device} is mounted."`)
    })

    test('touches neither xfs nor btrfs, which replay their logs when they are mounted', async () => {
      const device = await world.disk(16)
      const never = () => Promise.reject(new Error('a tool began'))
      await world.mounter.check({ device }, 'xfs', never)
      await world.mounter.check({ device }, 'btrfs', never)
    })
  },
)

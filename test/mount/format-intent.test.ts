import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SINCE_UNTOLD } from '../../src/libstorage/attachment-time.ts'
import { readBootId } from '../../src/libstorage/process-identity.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

const UUID = '0f0f0f0f-1111-4222-8333-444444444444'

/** What a server leaves that was killed together with its mkfs. */
async function leaveHalfFormatted(attachedSince?: string) {
  const volume = world.platform.add({ name: 'data', managed: true })
  const attachment = world.platform.attachByHand(volume.id, 'here')
  const since = attachment.since.toISOString()
  await world.ledger().put({
    version: 1,
    service: 'memory',
    volume: { id: volume.id, name: 'data', sizeGiB: 1, managed: true, labels: {} },
    bootId: readBootId(),
    attachment: { instanceId: 'here', since },
    formatIntent: { fsType: 'xfs', uuid: UUID, attachedSince: attachedSince ?? since },
    references: [],
  })
  world.disks.write(volume.id, { kind: 'half' })
  return volume
}

describe('a mkfs that was cut short', () => {
  test('is repeated on the same attachment, with the file system and UUID that were meant', async () => {
    const volume = await leaveHalfFormatted()
    await mounted(world.manager(), 'data', 'a')
    expect(world.disks.of(volume.id)).toEqual({ kind: 'file-system', fsType: 'xfs', uuid: UUID })
  })

  test('is not repeated where only the note of its success was missing: the volume may have been used since', async () => {
    const volume = await leaveHalfFormatted()
    world.disks.write(volume.id, { kind: 'file-system', fsType: 'xfs', uuid: UUID })
    await mounted(world.manager(), 'data', 'a')
    expect(world.kernel.effects).toEqual(['check /dev/memory0', 'mount /dev/memory0'])
  })

  test('is never repeated over a file system with another UUID', async () => {
    const volume = await leaveHalfFormatted()
    const theirs = { kind: 'file-system', fsType: 'xfs', uuid: 'another' } as const
    world.disks.write(volume.id, theirs)
    await mounted(world.manager(), 'data', 'a')
    expect(world.disks.of(volume.id)).toEqual(theirs)
  })

  test('is refused on another attachment: in between the volume was in other hands', async () => {
    const volume = await leaveHalfFormatted('2020-01-01T00:00:00.000Z')
    await expect(mounted(world.manager(), 'data', 'a')).rejects.toThrow('no known file system')
    expect(world.disks.of(volume.id)).toEqual({ kind: 'half' })
  })

  test('is refused where the platform cannot tell when an attachment began: this may be another one', async () => {
    const clock = vi.spyOn(world.platform.clock, 'now').mockReturnValue(SINCE_UNTOLD.getTime())
    const volume = await leaveHalfFormatted()
    clock.mockRestore()
    expect(world.platform.volumes()[0]?.attachments[0]?.since).toEqual(SINCE_UNTOLD)
    await expect(mounted(world.manager(), 'data', 'a')).rejects.toThrow('no known file system')
    expect(world.disks.of(volume.id)).toEqual({ kind: 'half' })
  })

  test('keeps its attachment over a start, since the permission to repeat it hangs on that', async () => {
    const volume = await leaveHalfFormatted()
    const manager = world.manager()
    manager.start()
    await manager.close()
    expect(world.platform.volumes()[0]?.attachments).toHaveLength(1)
    await mounted(world.manager(), 'data', 'a')
    expect(world.disks.of(volume.id).kind).toBe('file-system')
  })

  test('is repeated after an attach by hand, which ends no attachment', async () => {
    const volume = await leaveHalfFormatted()
    await world.manager('command').attach('data')
    await mounted(world.manager(), 'data', 'a')
    expect(world.disks.of(volume.id)).toEqual({ kind: 'file-system', fsType: 'xfs', uuid: UUID })
  })

  test('is not left to nobody by a detach by hand, which is refused; a Mount and an Unmount are the way out', async () => {
    await leaveHalfFormatted()
    const command = world.manager('command')
    await expect(command.detach('data')).rejects.toThrow(
      'volume "data" has a file system whose making was cut short, mount it here once, which finishes that, or remove it',
    )
    await mounted(command, 'data', 'a')
    await command.unmount({ name: 'data', holder: 'a' })
    await command.detach('data').catch(() => {})
    expect(world.platform.volumes()[0]?.attachments).toEqual([])
  })

  test('does not keep a volume from being removed', async () => {
    await leaveHalfFormatted()
    await world.manager('command').remove('data')
    expect(world.platform.volumes()).toEqual([])
  })
})

import { readlinkSync } from 'node:fs'
import { ownership } from './data-folder.ts'
import { type EventSink, tookMs } from './events.ts'
import type { Mounter } from './mounter.ts'
import { type AttachedVolume, mountRecords, type Publisher } from './publisher.ts'
import type { MountSettings } from './settings.ts'
import { readMountWishes } from './volume-options.ts'

/** Directory volumes: a link at the mount point, which needs no privilege. */
export function createDirectoryPublisher(
  mounter: Mounter,
  settings: MountSettings,
  service: string,
  events: EventSink,
): Publisher {
  const complete: Publisher['complete'] = async (session, attached: AttachedVolume) => {
    const { volume, place } = attached
    if (session.record.mount?.mountPoint !== place.mountPoint)
      await session.update(mountRecords(attached))
    await mounter.prepareDataFolder({
      path: place.dataPath,
      mountPoint: place.mountPoint,
      ...ownership(readMountWishes(volume.labels, settings.create.default.fsType), settings),
      onMount: false,
      fresh: false,
    })
  }
  const publish: Publisher['publish'] = async (session, attached) => {
    const { volume, device, place, attachment } = attached
    const begun = performance.now()
    await session.update(mountRecords(attached))
    await mounter.linkDirectory(device, place.mountPoint)
    await complete(session, attached)
    events.record({
      kind: 'mounted',
      service,
      volume: volume.name,
      volumeId: volume.id,
      instance: attachment.instanceId,
      durationMs: tookMs(begun),
    })
    return undefined
  }
  return {
    tellsUse: false,
    look: async (device, place) =>
      (await mounter.linkedDirectory(place.mountPoint)) === device ? 'published' : 'absent',
    isPublished: (device, place) => linkAt(place.mountPoint) === device,
    publish,
    complete,
    grow: async () => undefined,
    withdraw: async (device, mountPoint) => {
      if ((await mounter.linkedDirectory(mountPoint)) !== device) return 'absent'
      await mounter.unlinkDirectory(mountPoint)
      return 'gone'
    },
    abandon: async () => {},
    isFree: async () => true,
    tidy: async () => {},
    users: async () => [],
  }
}

function linkAt(mountPoint: string): string | undefined {
  try {
    return readlinkSync(mountPoint)
  } catch {
    return undefined
  }
}

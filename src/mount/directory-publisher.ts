import { readlinkSync } from 'node:fs'
import type { EventSink } from './events.ts'
import type { Mounter } from './mounter.ts'
import type { AttachedVolume, Publisher } from './publisher.ts'
import type { MountSettings } from './settings.ts'
import { readMountWishes } from './volume-options.ts'

const DEFAULT_MODE = 0o755

/** Directory volumes: a link at the mount point, which needs no privilege. */
export function createDirectoryPublisher(
  mounter: Mounter,
  settings: MountSettings,
  service: string,
  events: EventSink,
): Publisher {
  const publish: Publisher['publish'] = async (
    session,
    { volume, attachment, device, place }: AttachedVolume,
  ) => {
    const since = attachment.since.toISOString()
    await session.update({
      attachment: { instanceId: attachment.instanceId, since },
      mount: { mountPoint: place.mountPoint, device, since: new Date().toISOString() },
    })
    await mounter.linkDirectory(device, place.mountPoint)
    const wishes = readMountWishes(volume.labels, settings.create.default.fsType)
    await mounter.prepareDataFolder({
      path: place.dataPath,
      mountPoint: place.mountPoint,
      mode: wishes.mode ?? settings.fileMode ?? DEFAULT_MODE,
      uid: wishes.uid,
      gid: wishes.gid,
      enforcedMode: wishes.mode === undefined ? settings.fileMode : undefined,
      onMount: false,
      fresh: false,
    })
    events.record({ kind: 'mounted', service, volume: volume.name, volumeId: volume.id })
  }
  return {
    tellsUse: false,
    look: async (device, place) =>
      (await mounter.linkedDirectory(place.mountPoint)) === device ? 'published' : 'absent',
    isPublished: (device, place) => linkAt(place.mountPoint) === device,
    publish,
    withdraw: async (device, place) => {
      if ((await mounter.linkedDirectory(place.mountPoint)) === device) {
        await mounter.unlinkDirectory(place.mountPoint)
      }
      return 'gone'
    },
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

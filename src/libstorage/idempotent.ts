import { NotFoundError } from './errors.ts'
import type { SnapshotDriver, StorageDriver } from './storage-driver.ts'

/** Makes a repeat of remove and detach a success: what is gone already is as it was asked to be. */
export function idempotent(driver: StorageDriver): StorageDriver {
  return {
    name: driver.name,
    volumes: (query, options) => driver.volumes(query, options),
    volume: (id, options) => driver.volume(id, options),
    createVolume: (spec, options) => driver.createVolume(spec, options),
    attachVolume: (id, to, options) => driver.attachVolume(id, to, options),
    removeVolume: (id, options) => unlessGone(driver.removeVolume(id, options)),
    detachVolume: (id, from, options) => unlessGone(driver.detachVolume(id, from, options)),
    ...(driver.namesakes && { namesakes: driver.namesakes.bind(driver) }),
    ...(driver.hindrance && { hindrance: driver.hindrance.bind(driver) }),
    ...(driver.modifyVolume && { modifyVolume: driver.modifyVolume.bind(driver) }),
    ...(driver.instances && { instances: driver.instances }),
    ...(driver.snapshots && { snapshots: idempotentSnapshots(driver.snapshots) }),
  }
}

function idempotentSnapshots(snapshots: SnapshotDriver): SnapshotDriver {
  return {
    list: (query, options) => snapshots.list(query, options),
    create: (volumeId, spec, options) => snapshots.create(volumeId, spec, options),
    ...(snapshots.copy && { copy: snapshots.copy.bind(snapshots) }),
    remove: (id, options) => unlessGone(snapshots.remove(id, options)),
  }
}

async function unlessGone(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error
  }
}

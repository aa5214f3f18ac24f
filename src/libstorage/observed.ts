import type { LogFields, Logger } from './logger.ts'
import { Outage } from './outage.ts'
import type { InstanceDriver, SnapshotDriver, StorageDriver } from './storage-driver.ts'

type Watch = <T>(call: string, fields: LogFields, work: () => Promise<T>) => Promise<T>

/**
 * Logs every call of a driver with its duration, at debug: what was asked for from outside has its one line at info; and
 * keeps account of whether the platform answers.
 */
export function observed(
  driver: StorageDriver,
  logger: Logger,
  outage: Outage = new Outage(),
): StorageDriver {
  const watch = watchCalls(driver.name, logger, outage)
  return {
    name: driver.name,
    volumes: (query, options) =>
      watch('volumes', { ...query }, () => driver.volumes(query, options)),
    volume: (id, options) => watch('volume', { volumeId: id }, () => driver.volume(id, options)),
    createVolume: (spec, options) =>
      watch('create', { volume: spec.name, sizeGiB: spec.sizeGiB }, () =>
        driver.createVolume(spec, options),
      ),
    removeVolume: (id, options) =>
      watch('remove', { volumeId: id }, () => driver.removeVolume(id, options)),
    attachVolume: (id, to, options) =>
      watch('attach', { volumeId: id, instance: to }, () => driver.attachVolume(id, to, options)),
    detachVolume: (id, from, options) =>
      watch('detach', { volumeId: id, instance: from, force: options?.force === true }, () =>
        driver.detachVolume(id, from, options),
      ),
    ...(driver.namesakes && { namesakes: observedNamesakes(driver.namesakes.bind(driver), watch) }),
    ...(driver.hindrance && { hindrance: driver.hindrance.bind(driver) }),
    ...(driver.modifyVolume && {
      modifyVolume: observedModify(driver.modifyVolume.bind(driver), watch),
    }),
    ...(driver.instances && { instances: observedInstances(driver.instances, watch) }),
    ...(driver.snapshots && { snapshots: observedSnapshots(driver.snapshots, watch) }),
  }
}

type FindNamesakes = NonNullable<StorageDriver['namesakes']>

function observedNamesakes(find: FindNamesakes, watch: Watch): FindNamesakes {
  return (name, options) => watch('namesakes', { name }, () => find(name, options))
}

type Modify = NonNullable<StorageDriver['modifyVolume']>

function observedModify(modify: Modify, watch: Watch): Modify {
  return (id, change, options) =>
    watch('modify', { volumeId: id, ...change }, () => modify(id, change, options))
}

function observedInstances(instances: InstanceDriver, watch: Watch): InstanceDriver {
  return {
    status: (id, options) =>
      watch('instance status', { instance: id }, () => instances.status(id, options)),
    stop: (id, options) =>
      watch('instance stop', { instance: id }, () => instances.stop(id, options)),
  }
}

type CopySnapshot = NonNullable<SnapshotDriver['copy']>

function observedCopy(copy: CopySnapshot, watch: Watch): CopySnapshot {
  return (id, spec, options) =>
    watch('snapshot copy', { snapshotId: id, snapshot: spec.name }, () => copy(id, spec, options))
}

function observedSnapshots(snapshots: SnapshotDriver, watch: Watch): SnapshotDriver {
  return {
    list: (query, options) =>
      watch('snapshots', { ...query }, () => snapshots.list(query, options)),
    create: (volumeId, spec, options) =>
      watch('snapshot create', { volumeId, snapshot: spec.name }, () =>
        snapshots.create(volumeId, spec, options),
      ),
    ...(snapshots.copy && { copy: observedCopy(snapshots.copy.bind(snapshots), watch) }),
    remove: (id, options) =>
      watch('snapshot remove', { snapshotId: id }, () => snapshots.remove(id, options)),
  }
}

function watchCalls(driver: string, logger: Logger, outage: Outage): Watch {
  return async (call, fields, work) => {
    const begun = performance.now()
    const facts = () => ({ driver, ...fields, durationMs: Math.round(performance.now() - begun) })
    try {
      const result = await work()
      logger.debug(`driver ${call}`, facts())
      outage.answered()
      return result
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      logger.debug(`driver ${call} refused`, { ...facts(), error: said })
      outage.failed(error)
      throw error
    }
  }
}

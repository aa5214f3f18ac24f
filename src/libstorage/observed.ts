import type { LogFields, Logger } from './logger.ts'
import type { StorageDriver } from './storage-driver.ts'

type Watch = <T>(call: string, fields: LogFields, work: () => Promise<T>) => Promise<T>

/** Logs every call of a driver with its duration, at debug: what was asked for from outside has its one line at info. */
export function observed(driver: StorageDriver, logger: Logger): StorageDriver {
  const watch = watchCalls(driver.name, logger)
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
  }
}

function watchCalls(driver: string, logger: Logger): Watch {
  return async (call, fields, work) => {
    const begun = performance.now()
    const facts = () => ({ driver, ...fields, durationMs: Math.round(performance.now() - begun) })
    try {
      const result = await work()
      logger.debug(`driver ${call}`, facts())
      return result
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      logger.debug(`driver ${call} refused`, { ...facts(), error: said })
      throw error
    }
  }
}

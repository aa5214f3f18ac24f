import type { LogFields, Logger } from './logger.ts'
import type { StorageDriver } from './storage-driver.ts'

type Watch = <T>(
  level: 'debug' | 'info',
  call: string,
  fields: LogFields,
  work: () => Promise<T>,
) => Promise<T>

/** Logs every call of a driver with its duration: changes at info, look-ups and refusals at debug. */
export function observed(driver: StorageDriver, logger: Logger): StorageDriver {
  const watch = watchCalls(driver.name, logger)
  return {
    name: driver.name,
    volumes: (query, options) =>
      watch('debug', 'volumes', { ...query }, () => driver.volumes(query, options)),
    volume: (id, options) =>
      watch('debug', 'volume', { volumeId: id }, () => driver.volume(id, options)),
    createVolume: (spec, options) =>
      watch('info', 'create', { volume: spec.name, sizeGiB: spec.sizeGiB }, () =>
        driver.createVolume(spec, options),
      ),
    removeVolume: (id, options) =>
      watch('info', 'remove', { volumeId: id }, () => driver.removeVolume(id, options)),
    attachVolume: (id, to, options) =>
      watch('info', 'attach', { volumeId: id, instance: to }, () =>
        driver.attachVolume(id, to, options),
      ),
    detachVolume: (id, from, options) =>
      watch(
        'info',
        'detach',
        { volumeId: id, instance: from, force: options?.force === true },
        () => driver.detachVolume(id, from, options),
      ),
  }
}

function watchCalls(driver: string, logger: Logger): Watch {
  return async (level, call, fields, work) => {
    const begun = performance.now()
    const facts = () => ({ driver, ...fields, durationMs: Math.round(performance.now() - begun) })
    try {
      const result = await work()
      logger[level](`driver ${call}`, facts())
      return result
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      logger.debug(`driver ${call} refused`, { ...facts(), error: said })
      throw error
    }
  }
}

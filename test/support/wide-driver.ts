import { alike } from '../../src/libstorage/namesakes.ts'
import type { StorageDriver } from '../../src/libstorage/storage-driver.ts'

/** A driver that finds all namesakes by one look-up, on a machine of this zone. */
export function wideDriver(driver: StorageDriver, zone: string): StorageDriver {
  return {
    ...driver,
    async namesakes(name, options) {
      const all = alike(name, await driver.volumes({ anyZone: true }, options))
      return {
        here: all.filter((volume) => volume.zone === zone),
        elsewhere: all.filter((volume) => volume.zone !== zone),
      }
    },
  }
}

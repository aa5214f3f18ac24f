import { VolumeCatalog } from './catalog.ts'
import { idempotent } from './idempotent.ts'
import type { Logger } from './logger.ts'
import { observed } from './observed.ts'
import { Outage } from './outage.ts'
import type { Executor, Provider, StorageDriver } from './storage-driver.ts'

/** A provider with a name and a configuration; several services may use the same driver. */
export interface Service {
  /** Lower case, as configured. */
  readonly name: string
  /** The provider's driver beneath the layers. */
  readonly driver: StorageDriver
  readonly executor: Executor
  readonly storage: Provider['storage']
  readonly scope: Provider['scope']
  readonly wishes: Provider['wishes']
  readonly looksLikeId: Provider['looksLikeId']
  readonly catalog: VolumeCatalog
  /** Whether the platform answers, as the driver's calls show. */
  readonly outage: Outage
}

/** Puts the layers around a provider, once: `observed(idempotent(driver))`. */
export function createService(name: string, provider: Provider, logger: Logger): Service {
  const outage = new Outage()
  const driver = observed(idempotent(provider.driver), logger, outage)
  return {
    name,
    driver,
    executor: provider.executor,
    storage: provider.storage,
    scope: provider.scope,
    wishes: provider.wishes,
    looksLikeId: (text) => provider.looksLikeId(text),
    catalog: new VolumeCatalog(driver, provider),
    outage,
  }
}

import { type ConfigInput, type ExaminedConfig, examineConfig } from './config/load.ts'
import { run } from './libstorage/run.ts'
import type { ProviderDefinition } from './providers/definition.ts'
import { findSharedStorage } from './shared-storage.ts'

/** A configuration with all that is to be said of it, also what only the providers of its services can tell. Opens nothing. */
export async function examineConfiguration(
  input: Omit<ConfigInput, 'drivers'>,
  providers: readonly ProviderDefinition[],
): Promise<ExaminedConfig> {
  const examined = await examineConfig({ ...input, drivers: providers })
  const { services, directories } = examined.config
  // Those of which something is wrong have no settings.
  const right = services.filter(({ settings }) => settings !== undefined)
  const storages = right.map(({ name, driver, settings }) => {
    const definition = providers.find((one) => one.name === driver)
    const context = { service: name, libDirectory: directories.lib, run }
    return { name, storage: definition?.exclusiveStorage?.(settings, context) }
  })
  const shared = await findSharedStorage(storages, run)
  return { ...examined, mistakes: [...examined.mistakes, ...shared] }
}

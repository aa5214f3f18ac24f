import { type ConfigInput, examineConfig } from './config/load.ts'
import type { CheckGroup } from './doctor/examine.ts'
import { programCheck } from './doctor/program.ts'
import { run } from './libstorage/run.ts'
import type { ProviderDefinition } from './providers/definition.ts'
import { version } from './version.ts'

/** All checks: those of this machine first, and then those that the driver of each configured service brings. */
export async function openChecks(
  input: ConfigInput,
  providers: readonly ProviderDefinition[],
): Promise<readonly CheckGroup[]> {
  const { config } = await examineConfig(input)
  const machine: CheckGroup = { checks: [programCheck(version)] }
  const ofServices = config.services.map(
    async ({ name, driver, settings }): Promise<CheckGroup> => {
      const definition = providers.find((provider) => provider.name === driver)
      const context = { service: name, libDirectory: config.directories.lib, run }
      return { service: name, checks: (await definition?.checks?.(settings, context)) ?? [] }
    },
  )
  return [machine, ...(await Promise.all(ofServices))]
}

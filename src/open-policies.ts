import { type ConfigInput, examineConfig } from './config/load.ts'
import type { PolicyAdvice, ProviderDefinition } from './providers/definition.ts'
import { requireSettings } from './require-settings.ts'

/** What the platform of one service has to allow. */
export interface ServicePolicies extends PolicyAdvice {
  readonly service: string
  readonly driver: string
}

/** What the platforms of the configured services have to allow; none where no platform asks for such a thing. Rejects where a service has no settings. */
export async function openPolicies(
  input: ConfigInput,
  providers: readonly ProviderDefinition[],
): Promise<readonly ServicePolicies[]> {
  const { config } = await examineConfig(input)
  const all = config.services.map(async ({ name, driver, settings, operations }) => {
    requireSettings(name, settings)
    const use = { stopsMachines: operations.mount.preempt === 'fence' }
    const advice = await providers.find((one) => one.name === driver)?.policy?.(settings, use)
    return advice === undefined ? [] : [{ service: name, driver, ...advice }]
  })
  return (await Promise.all(all)).flat()
}

import { type DriverKeys, defaultOf, isSecret } from './driver-keys.ts'
import { environmentName } from './environment.ts'
import { type Key, operationKeys, programKeys } from './keys.ts'
import { type Lookup, namesOf } from './lookup.ts'

/** A setting of the whole program, as the variable that sets it. */
export interface SettingVariable {
  readonly name: string
  /** As one would write it; empty where nothing is set. Not masked. */
  readonly value: string
  readonly isSecret: boolean
}

/** All settings as variables, by their names, whatever a service or module of its own says. */
export function listVariables(
  lookup: Lookup,
  drivers: readonly DriverKeys[],
): readonly SettingVariable[] {
  const keys: readonly Key[] = [...Object.values(programKeys), ...Object.values(operationKeys)]
  const variables = [
    ...keys.map((key) => ({
      name: environmentName(key.path),
      value: asWritten(lookup.find(namesOf(key))?.value) ?? lookup.defaultOf(key),
      isSecret: false,
    })),
    ...drivers.flatMap((driver) => driverVariables(lookup, driver)),
  ]
  return variables.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function driverVariables(lookup: Lookup, driver: DriverKeys): readonly SettingVariable[] {
  return Object.entries(driver.settings.shape).map(([key, schema]) => {
    const path = `${driver.name}.${key}`
    const paths = [path, ...driver.aliases.map((alias) => `${alias}.${key}`)]
    const usual = defaultOf(schema)
    return {
      name: environmentName(path),
      value:
        asWritten(lookup.find({ paths, isMachines: true })?.value) ??
        (usual === undefined ? '' : String(usual)),
      isSecret: isSecret(schema),
    }
  })
}

function asWritten(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value || undefined : value.join(' ')
}

import { type DriverKeys, defaultOf, isSwitch, sectionsOf } from './driver-keys.ts'
import { flagIdentity, flagName } from './environment.ts'
import { type Key, operationKeys, otherNames, programKeys } from './keys.ts'
import { rexraySwitches } from './rexray-keys.ts'
import { BOOLEAN } from './values.ts'

/** A flag by which a command line sets a key of the configuration. */
export interface SettingFlag {
  /** `--ebsRegion`. */
  readonly flag: string
  readonly why: string
  /** As one would write it; empty where leaving it out has a meaning of its own. */
  readonly usual: string
}

/** The flags of all keys of the program and of its drivers, by their names. */
export function settingFlags(drivers: readonly DriverKeys[]): readonly SettingFlag[] {
  const ofProgram = keys().map(({ path, why, default: usual }) => ({
    flag: `--${flagName(path)}`,
    why,
    usual,
  }))
  const ofDrivers = drivers.flatMap(({ name, settings }) =>
    Object.entries(settings.shape).map(([key, schema]) => ({
      flag: `--${flagName(`${name}.${key}`)}`,
      why: schema.description ?? '',
      usual: String(defaultOf(schema) ?? ''),
    })),
  )
  return [...ofProgram, ...ofDrivers].sort((a, b) => (a.flag < b.flag ? -1 : 1))
}

/**
 * Whether a flag's key is true or false. Such a flag takes a value only behind `=`, as in REX-Ray: the next word may be a
 * volume.
 */
export function readSwitches(drivers: readonly DriverKeys[]): (flag: string) => boolean {
  const ofProgram = keys()
    .filter(({ schema }) => schema === BOOLEAN)
    .flatMap((key) => [key.path, ...otherNames(key)])
  const ofDrivers = drivers.flatMap((driver) =>
    Object.entries(driver.settings.shape)
      .filter(([, schema]) => isSwitch(schema))
      .flatMap(([key]) => sectionsOf(driver).map((section) => `${section}.${key}`)),
  )
  const known = new Set([...ofProgram, ...ofDrivers, ...rexraySwitches].map(flagIdentity))
  return (flag) => known.has(flagIdentity(flag))
}

function keys(): readonly Key[] {
  return [...Object.values(programKeys), ...Object.values(operationKeys)]
}

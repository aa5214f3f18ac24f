import { type DriverKeys, defaultOf } from './driver-keys.ts'
import { flagName } from './environment.ts'
import { type Key, operationKeys, programKeys } from './keys.ts'

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
  const keys: readonly Key[] = [...Object.values(programKeys), ...Object.values(operationKeys)]
  const ofProgram = keys.map(({ path, why, default: usual }) => ({
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

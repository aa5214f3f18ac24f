import { nearest } from '../libstorage/nearest.ts'
import type { DriverKeys } from './driver-keys.ts'
import { flagIdentity, flagName } from './environment.ts'
import { programKeys } from './keys.ts'
import type { Mistake, Mistakes } from './mistakes.ts'
import { rexrayKeys } from './rexray-keys.ts'
import { rootKeys } from './warnings.ts'

/** What the command line said. */
export interface Flags {
  /** `--config`: the only file to read then. */
  readonly configFile?: string
  /** `--host`: REX-Ray's server; understood, without effect. */
  readonly host?: string
  readonly service?: string
  readonly logLevel?: string
  /** Flags that are named like keys (`ebsRegion`, or `ebs.region`), in any case, with their values. */
  readonly properties?: Readonly<Record<string, string>>
}

/** All flags that were given, by `flagIdentity`. One that no key has is a mistake. */
export function flagValues(
  flags: Flags,
  drivers: readonly DriverKeys[],
  mistakes: Mistakes,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  const known = [...rootKeys(drivers), ...rexrayKeys.filter((key) => !key.includes('*'))]
  const identities = new Set(known.map(flagIdentity))
  for (const [flag, value] of Object.entries(flags.properties ?? {})) {
    if (identities.has(flagIdentity(flag))) values.set(flagIdentity(flag), value)
    else mistakes.add(unknownFlag(flag, known))
  }
  const special = {
    'rexray.host': flags.host,
    [programKeys.cliService.path]: flags.service,
    [programKeys.logLevel.path]: flags.logLevel,
  }
  for (const [key, value] of Object.entries(special)) {
    if (value !== undefined) values.set(flagIdentity(key), value)
  }
  return values
}

function unknownFlag(flag: string, known: readonly string[]): Mistake {
  const near = nearest(flagName(flag), known.map(flagName))
  return {
    subject: `flag --${flagName(flag)}`,
    problem: 'is unknown',
    remedy: near === undefined ? undefined : `did you mean --${near}`,
  }
}

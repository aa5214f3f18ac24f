import type { OperationsConfig } from './config.ts'
import { type Key, operationKeys as keys } from './keys.ts'
import { type KeyNames, type Lookup, namesOf } from './lookup.ts'

/** The key of an operation, as `operationKeys` calls it. */
export type OperationKey = keyof typeof keys

/** The keys that say where a volume lies and whose its folder is: one volume has one place, whoever mounts it. */
export const PLACE_KEYS: readonly OperationKey[] = [
  'mountPath',
  'mountRootPath',
  'volumeRootPath',
  'fileMode',
]

/** The names of the keys of operations; `linux.volume.rootPath` is one more of `mount.rootPath`. */
export const operationNames: Readonly<Record<OperationKey, KeyNames>> = Object.fromEntries(
  Object.entries<Key>(keys).map(([name, key]) => {
    const names = namesOf(key)
    const isRootPath = key === keys.mountRootPath
    const paths = isRootPath ? [...names.paths, keys.volumeRootPath.path] : names.paths
    return [name, { ...names, paths, isMachines: PLACE_KEYS.some((place) => place === name) }]
  }),
) as Record<OperationKey, KeyNames>

/** Where an operation's keys are looked for besides the whole program. */
export interface OperationScopes {
  /** The service's own, innermost first. */
  readonly own: readonly string[]
  /** All of them. */
  readonly all: readonly string[]
  /** Those that go before, for what holds for a volume whoever asks: where it lies, and whose its folder is. */
  readonly shared: readonly string[]
}

/** Reads how volumes of one service are made, mounted and released. A wrong value is among the lookup's mistakes. */
export function resolveOperations(
  lookup: Lookup,
  { own, all, shared }: OperationScopes,
): OperationsConfig {
  const places = [...shared, ...all]
  return {
    create: {
      default: {
        sizeGiB: lookup.read(keys.size, all),
        type: lookup.read(keys.type, all),
        iops: lookup.read(keys.iops, all) || undefined,
        availabilityZone: lookup.read(keys.availabilityZone, all),
        fsType: lookup.read(keys.fsType, all),
      },
      disable: lookup.read(keys.createDisable, all),
      implicit: lookup.read(keys.createImplicit, all),
    },
    mount: {
      preempt: lookup.read(keys.preempt, all),
      attachWaitMs: lookup.read(keys.attachWait, all),
      preemptGraceMs: lookup.read(keys.preemptGrace, all),
      path: lookup.parse(keys.mountPath, lookup.find(operationNames.mountPath, places)),
      pathIsOwn: lookup.findWithin(namesOf(keys.mountPath), [...shared, ...own]) !== undefined,
      rootPath: rootPath(lookup, places),
      retryCount: lookup.read(keys.retryCount, all),
      retryWaitMs: lookup.read(keys.retryWait, all),
    },
    unmount: {
      ignoreUsedCount: lookup.read(keys.ignoreUsedCount, all),
      detachDelayMs: lookup.read(keys.detachDelay, all),
    },
    remove: { disable: lookup.read(keys.removeDisable, all) },
    fileMode: lookup.parse(keys.fileMode, lookup.find(operationNames.fileMode, places)),
    attachTimeoutMs: lookup.read(keys.attachTimeout, all),
  }
}

/** The folder that containers get. Two keys set it; where both stand at one place, `mount.rootPath` wins. */
function rootPath(lookup: Lookup, scopes: readonly string[]): string {
  return lookup.parse(keys.mountRootPath, lookup.find(operationNames.mountRootPath, scopes))
}

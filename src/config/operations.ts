import type { OperationsConfig } from './config.ts'
import { operationKeys as keys } from './keys.ts'
import { type Lookup, namesOf } from './lookup.ts'

/** Where an operation's keys are looked for besides the whole program. */
export interface OperationScopes {
  /** The service's own, innermost first. */
  readonly own: readonly string[]
  /** All of them. */
  readonly all: readonly string[]
}

/** Reads how volumes of one service are made, mounted and released. Throws `InvalidArgumentError` about a wrong value. */
export function resolveOperations(lookup: Lookup, { own, all }: OperationScopes): OperationsConfig {
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
      path: lookup.read(keys.mountPath, all),
      pathIsOwn: lookup.findWithin(namesOf(keys.mountPath), own) !== undefined,
      rootPath: rootPath(lookup, all),
      retryCount: lookup.read(keys.retryCount, all),
      retryWaitMs: lookup.read(keys.retryWait, all),
    },
    unmount: {
      ignoreUsedCount: lookup.read(keys.ignoreUsedCount, all),
      detachDelayMs: lookup.read(keys.detachDelay, all),
    },
    remove: { disable: lookup.read(keys.removeDisable, all) },
    fileMode: lookup.read(keys.fileMode, all),
    attachTimeoutMs: lookup.read(keys.attachTimeout, all),
  }
}

/** The folder that containers get. Two keys set it; where both stand at one place, `mount.rootPath` wins. */
function rootPath(lookup: Lookup, scopes: readonly string[]): string {
  const paths = [keys.mountRootPath.path, keys.volumeRootPath.path]
  return lookup.parse(keys.mountRootPath, lookup.find({ paths }, scopes))
}

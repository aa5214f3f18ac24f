import type { NewFileSystem } from '../libstorage/file-system.ts'

/** Whether a volume is taken from another machine: never, always, from one that is down, or after it was stopped. */
export type PreemptPolicy = boolean | 'dead' | 'fence'

/** How volumes of one service are used on this machine. What each key is for stands in `config.yml.example`. */
export interface MountSettings {
  readonly create: {
    readonly default: {
      readonly sizeGiB: number
      readonly type: string | undefined
      readonly iops: number | undefined
      readonly availabilityZone: string | undefined
      readonly fsType: NewFileSystem
    }
    readonly disable: boolean
    readonly implicit: boolean
  }
  readonly mount: {
    readonly preempt: PreemptPolicy
    readonly attachWaitMs: number
    readonly preemptGraceMs: number
    /** The folder of the mount points; absolute. */
    readonly path: string
    /** The folder inside the file system that containers get; `/` for the root itself. */
    readonly rootPath: string
    readonly retryCount: number
    readonly retryWaitMs: number
  }
  readonly unmount: { readonly ignoreUsedCount: boolean; readonly detachDelayMs: number }
  readonly remove: { readonly disable: boolean }
  readonly fileMode: number | undefined
  readonly attachTimeoutMs: number
}

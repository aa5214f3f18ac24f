import type { LocalDisks } from './local-disks.ts'
import type { Machines } from './machines.ts'
import type { Media } from './media.ts'

/** What attaching and detaching work with. */
export interface AttachmentContext {
  readonly media: Media
  readonly machines: Machines
  readonly disks: LocalDisks
  readonly controllerName: string
  /** Told of what is amiss though it goes on. */
  readonly warn?: ((message: string) => void) | undefined
  /** What all pauses are multiplied by. */
  readonly pace: number
}

import type { LocalDisks } from './local-disks.ts'
import type { Machines } from './machines.ts'
import type { Media } from './media.ts'

/** What attaching and detaching work with. */
export interface AttachmentContext {
  readonly media: Media
  readonly machines: Machines
  readonly disks: LocalDisks
  readonly controllerName: string
  /** What all pauses are multiplied by. */
  readonly pace: number
}

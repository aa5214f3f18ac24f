import { createHash } from 'node:crypto'

/** What a new volume is, as far as two requests for it are one. */
export interface TokenSeed {
  /** The prefix of names that is configured; empty for none. */
  readonly tag: string
  readonly zone: string
  readonly name: string
  /** From 1; a later one when EC2 still remembers a volume of that name that is gone. */
  readonly generation: number
}

/**
 * The client token of a CreateVolume: no time and no chance in it, so that a repeat after a crash, and another machine
 * that makes the same volume at once, end with one volume. 64 characters, the most that EC2 takes.
 */
export function clientToken({ tag, zone, name, generation }: TokenSeed): string {
  return createHash('sha256')
    .update(JSON.stringify([tag, zone, name, generation]))
    .digest('hex')
}

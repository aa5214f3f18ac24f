import { ResourceExhaustedError } from '../../libstorage/errors.ts'
import type { VolumeId } from '../../libstorage/types.ts'

const LETTERS = [...'abcdefghijklmnopqrstuvwxyz']
/** Names that no image and no user takes: `sd[b-z]` belongs to both (EC2 User Guide, "Device names"). */
const WIDE = ['a', 'b', 'd'].flatMap((first) =>
  LETTERS.filter((second) => first !== 'd' || second < 'y').map(
    (second) => `/dev/xvd${first}${second}`,
  ),
)

/** How long a name that EC2 called taken, though nothing is seen there, is not tried again, in milliseconds. */
const TAKEN_MS = 3_600_000

/** Hands out the device names of one instance, each to one volume at a time, however many are attached at once. */
export class DeviceNames {
  readonly #reserved = new Map<string, VolumeId>()
  readonly #takenUntil = new Map<string, number>()
  readonly #isPresent: (name: string) => boolean

  /** `isPresent` tells whether the kernel has a disk of that name, whoever attached it. */
  constructor(isPresent: (name: string) => boolean) {
    this.#isPresent = isPresent
  }

  /** A name that is free: not in use as EC2 says, not reserved, and without a disk. Throws `ResourceExhaustedError` when there is none. */
  reserve(volume: VolumeId, inUse: ReadonlySet<string>): string {
    const used = new Set([...inUse].map(slotOf))
    const isFree = (name: string) =>
      !used.has(slotOf(name)) && !this.#reserved.has(name) && !this.#isPresent(name)
    const free = WIDE.filter(isFree)
    const name = free.find((one) => !this.#isTaken(one)) ?? free[0]
    if (name === undefined)
      throw new ResourceExhaustedError({
        subject: 'this instance',
        problem: `has no device name left for ${volume}`,
        remedy: 'detach volumes from it',
      })
    this.#reserved.set(name, volume)
    return name
  }

  /** Gives a name back: its attachment is known now, or never came to be. */
  release(name: string): void {
    this.#reserved.delete(name)
  }

  /** Notes that EC2 says of a name that it is in use. */
  taken(name: string): void {
    this.#takenUntil.set(name, performance.now() + TAKEN_MS)
  }

  #isTaken(name: string): boolean {
    return (this.#takenUntil.get(name) ?? 0) > performance.now()
  }
}

/** On Xen `sdf` and `xvdf` are one slot. */
function slotOf(name: string): string {
  return name.replace(/^(\/dev\/)?(sd|xvd)/, '')
}

/** What the kernel calls a disk that was attached under this name on Xen: `/dev/sdf` is `xvdf`. */
export function kernelName(deviceName: string): string {
  return deviceName.replace(/^\/dev\//, '').replace(/^sd/, 'xvd')
}

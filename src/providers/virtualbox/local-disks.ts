import { isSinceTold } from '../../libstorage/attachment-time.ts'
import { FailedPreconditionError, volumeNamed } from '../../libstorage/errors.ts'
import { isHeld } from '../../libstorage/exclusive-open.ts'
import type { Run } from '../../libstorage/run.ts'
import type { VolumeAttachment, VolumeId } from '../../libstorage/types.ts'
import { poll } from '../../libstorage/wait.ts'
import type { WebSession } from './client.ts'
import type { GuestDisks } from './guest-disks.ts'
import type { LocalMachine } from './local-machine.ts'

/** How long a disk may take to go once the machine has lost it, in milliseconds. */
const GOING_MS = 5_000
const LOOK_MS = 50
/** The kernel is asked to look for disks no oftener, in milliseconds: they mostly show by themselves. */
const RESCAN_MS = 1_000

/** An attachment that is about to end. */
interface Leaving {
  readonly name: string
  readonly attachment: VolumeAttachment
  readonly force: boolean
}

/** This machine's side of attaching and detaching. */
export class LocalDisks {
  readonly #disks: GuestDisks
  readonly #local: LocalMachine
  readonly #run: Run
  readonly #pace: number
  readonly #known = new Map<VolumeId, VolumeAttachment>()
  #scannedAt = Number.NEGATIVE_INFINITY

  constructor(parts: {
    readonly disks: GuestDisks
    readonly local: LocalMachine
    readonly run: Run
    /** What all pauses are multiplied by. */
    readonly pace: number
  }) {
    this.#disks = parts.disks
    this.#local = parts.local
    this.#run = parts.run
    this.#pace = parts.pace
  }

  /** Notes an attachment; only those of this machine are kept. */
  async attached(session: WebSession, attachment: VolumeAttachment): Promise<void> {
    if (await this.#isHere(session, attachment)) this.#known.set(attachment.volumeId, attachment)
  }

  /** The device of an attachment to this machine; undefined while it is not there, or where a later attachment is known. */
  async device(attachment: VolumeAttachment): Promise<string | undefined> {
    const { volumeId, since } = attachment
    const known = this.#known.get(volumeId)
    if (known !== undefined && known.since > since && isSinceTold(since)) return undefined
    const name = this.#disks.nameOf(volumeId) ?? (await this.#rescanned(volumeId))
    return name === undefined ? undefined : await this.#disks.node(name)
  }

  /**
   * Ends an attachment by `detach`. Where it is this machine's, the kernel lets go of the disk first: VirtualBox would pull it
   * from under whoever has it open. Rejects with `FailedPreconditionError` while anybody has, with
   * `TimeoutError` where the disk hangs; unless by force.
   */
  async leaving(
    session: WebSession,
    { name, attachment, force }: Leaving,
    detach: () => Promise<void>,
  ): Promise<void> {
    const { volumeId } = attachment
    const isHere = await this.#isHere(session, attachment)
    const disk = isHere ? this.#disks.nameOf(volumeId) : undefined
    if (disk === undefined) return await detach()
    const node = await this.#disks.node(disk)
    if (!force && node !== undefined && (await isHeld(node, this.#run))) throw stillHeld(name, node)
    await this.#disks.forget(disk)
    try {
      await detach()
    } catch (error) {
      await this.#disks.rescan()
      throw error
    }
    this.#known.delete(volumeId)
    await poll(async () => (this.#disks.nameOf(volumeId) === undefined ? true : undefined), {
      intervalMs: LOOK_MS * this.#pace,
      timeoutMs: GOING_MS,
    })
  }

  async #rescanned(volumeId: VolumeId): Promise<string | undefined> {
    if (performance.now() - this.#scannedAt < RESCAN_MS * this.#pace) return undefined
    this.#scannedAt = performance.now()
    await this.#disks.rescan()
    return this.#disks.nameOf(volumeId)
  }

  async #isHere(session: WebSession, { instanceId }: VolumeAttachment): Promise<boolean> {
    try {
      return (await this.#local.get(session)).id === instanceId
    } catch {
      // A machine that does not know who it is has none of its own.
      return false
    }
  }
}

function stillHeld(name: string, device: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is still held: ${device} is mounted or open in some namespace`,
    remedy: 'stop what uses it and try again',
  })
}

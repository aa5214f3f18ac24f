import type { AttachmentState } from '../../libstorage/types.ts'
import type { Claim, ClaimedDevice } from './claim.ts'
import type { StoredVolume } from './stored-volume.ts'

/** How a volume's content is taken away from a machine. */
export interface DisconnectOptions {
  readonly force: boolean
  /** Whether the volume is still whose it was; what was found before that was asked is nobody else's. */
  readonly isUnchanged: () => Promise<boolean>
  /** The volume's folder is not in the pool any more: what lies at its path is another's, and only what its claim says is its own. */
  readonly isVanished: boolean
  readonly signal: AbortSignal | undefined
}

/** How content is copied. */
export interface CopyOptions {
  /** Somebody may write to it meanwhile: the copy is made at one stroke or refused. */
  readonly atOnce: boolean
  /** Whose content it is, for a message. */
  readonly name: string
  readonly signal: AbortSignal | undefined
}

/** What tells one kind of pool from another: what a volume's content is, and how a machine gets at it. */
export interface Content {
  /** The driver's name. */
  readonly name: string
  /** Writes a volume's first content into its folder, durably. */
  make(path: string, sizeGiB: number): Promise<void>
  /** Makes content as large as this, durably; what is as large, or larger, stays as it is. */
  grow(path: string, sizeGiB: number, signal: AbortSignal | undefined): Promise<void>
  /** Tells this kernel how large the content has become, where it has the content already. */
  announce(volume: StoredVolume, signal: AbortSignal | undefined): Promise<void>
  /**
   * Copies content to a path where nothing is, durably. Rejects with `FailedPreconditionError` where it cannot be done at
   * one stroke and has to be.
   */
  copy(from: string, to: string, options: CopyOptions): Promise<void>
  /** Whether this kernel can write to the content, whatever a claim says. */
  isConnected(volume: StoredVolume, signal: AbortSignal | undefined): Promise<boolean>
  /** Brings the content to this kernel; a repeat finds what is there. Undefined where there is nothing to bring. */
  connect(volume: StoredVolume, signal: AbortSignal | undefined): Promise<ClaimedDevice | undefined>
  /**
   * Takes the content away from this kernel; resolves when it is gone, with whether there was anything. Rejects with
   * `FailedPreconditionError` while somebody holds it, unless by force.
   */
  disconnect(
    volume: StoredVolume,
    claim: Claim | undefined,
    options: DisconnectOptions,
  ): Promise<boolean>
  /** Takes back a connect whose claim could not be taken; never from somebody who holds the device. */
  undo(device: ClaimedDevice): Promise<void>
  /** How a claim of this boot of this kernel stands; undefined when what it claimed is not there any more. */
  state(claim: Claim): AttachmentState | undefined
  /** Rejects where another kernel would have to let go and cannot be made to. */
  assertReachable(volume: StoredVolume, claim: Claim): void
}

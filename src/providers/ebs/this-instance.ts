import {
  type _InstanceType,
  DescribeInstanceTypesCommand,
  type Volume as Ec2Volume,
} from '@aws-sdk/client-ec2'
import { ResourceExhaustedError } from '../../libstorage/errors.ts'
import type { InstanceId, VolumeAttachment, VolumeId } from '../../libstorage/types.ts'
import { poll, sleep, untilAborted } from '../../libstorage/wait.ts'
import type { BlockDevices } from './block-devices.ts'
import type { DeviceNames } from './device-names.ts'
import type { Ec2 } from './ec2.ts'
import type { MachineIdentity } from './identity.ts'
import type { VolumeLookUps } from './look-ups.ts'
import { toAttachment } from './volume.ts'

/** After this long what others may have attached here is looked at again, in milliseconds. */
const REFRESH_MS = 600_000
const DISK_POLL_MS = 100
/** So many volumes any instance takes: below that its limit is not asked for. */
const FEW = 10
/** How long a disk may take to leave the kernel once EC2 was asked, in milliseconds; then EC2 itself is asked. */
const DISK_GONE_MS = 8_000

/** What this machine has attached, with what only it can see of that. */
export class ThisInstance {
  readonly #ec2: Ec2
  readonly #lookUps: VolumeLookUps
  readonly #identity: MachineIdentity
  readonly #names: DeviceNames
  readonly #disks: BlockDevices
  readonly #pace: number
  readonly #attached = new Map<VolumeId, VolumeAttachment>()
  #readAt: number | undefined
  #reading: Promise<void> | undefined
  #limit: Promise<number | undefined> | undefined

  constructor(parts: {
    readonly ec2: Ec2
    readonly lookUps: VolumeLookUps
    readonly identity: MachineIdentity
    readonly names: DeviceNames
    readonly disks: BlockDevices
    /** What all pauses are multiplied by. */
    readonly pace: number
  }) {
    this.#ec2 = parts.ec2
    this.#lookUps = parts.lookUps
    this.#identity = parts.identity
    this.#names = parts.names
    this.#disks = parts.disks
    this.#pace = parts.pace
  }

  /** Takes over what a look at all volumes of an instance showed, so that the first attach need not look again. */
  async learn(instance: InstanceId, seen: readonly Ec2Volume[]): Promise<void> {
    if (await this.#isHere(instance)) this.#keep(instance, seen)
  }

  /** A device name for one more volume. Rejects with `ResourceExhaustedError` where the instance can have no more. */
  async reserveName(
    { id, subject }: { readonly id: VolumeId; readonly subject: string },
    to: InstanceId,
    signal?: AbortSignal,
  ): Promise<string> {
    if (!(await this.#isHere(to))) {
      const there = await this.#lookUps.matching(
        [{ Name: 'attachment.instance-id', Values: [to] }],
        signal,
      )
      return this.#names.reserve(id, namesIn(there.flatMap(({ Attachments = [] }) => Attachments)))
    }
    await this.#read(signal)
    if (await this.#isFull()) {
      // Others may have made room since it was looked at.
      this.#readAt = undefined
      await this.#read(signal)
      if (await this.#isFull()) throw await this.full(subject)
    }
    const used = [...this.#attached.values()].flatMap(({ deviceName }) => deviceName ?? [])
    return this.#names.reserve(id, new Set(used))
  }

  releaseName(name: string): void {
    this.#names.release(name)
  }

  /** EC2 says that the name is in use: somebody else attached something here. */
  nameTaken(name: string): void {
    this.#names.taken(name)
    this.#readAt = undefined
  }

  /** Notes an attachment of any instance; only those of this one are kept. */
  async attached(attachment: VolumeAttachment): Promise<void> {
    if (await this.#isHere(attachment.instanceId))
      this.#attached.set(attachment.volumeId, attachment)
  }

  detached(id: VolumeId): void {
    this.#attached.delete(id)
  }

  /** Whether this volume is attached here anew since, as far as it was seen. */
  hasEnded({ volumeId, since }: VolumeAttachment): boolean {
    const known = this.#attached.get(volumeId)
    return known !== undefined && known.since > since
  }

  /** The error of an instance that can have no more volumes, with the numbers; `subject` is the one that it cannot have. */
  async full(subject: string, cause?: unknown): Promise<ResourceExhaustedError> {
    const { instanceId, instanceType } = await this.#identity.get()
    const limit = await this.#attachmentLimit()
    const most = limit === undefined ? 'all it can have' : `of the ${limit} it can have`
    const type = instanceType === undefined ? '' : ` (${instanceType})`
    return new ResourceExhaustedError({
      subject,
      problem: `cannot be attached to ${instanceId}${type}, which has ${this.#attached.size} volumes, ${most}`,
      remedy: 'detach volumes from this instance, or use a larger one',
      cause,
    })
  }

  /** Whether the instance is this one, and its kernel has the volume's disk. */
  async hasDisk(id: VolumeId, of: InstanceId): Promise<boolean> {
    if (!(await this.#isHere(of))) return false
    const name = this.#attached.get(id)?.deviceName
    return (
      this.#disks.isThere({ volumeId: id }) || (name !== undefined && this.#disks.isPresent(name))
    )
  }

  /** Waits, where the volume was ours, until its disk has left the kernel, for `mostMs` at most; whether it has. For `leastMs` otherwise. */
  async awaitDiskGone(
    id: VolumeId,
    from: InstanceId,
    { leastMs, mostMs }: { readonly leastMs: number; readonly mostMs: number },
    signal?: AbortSignal,
  ): Promise<boolean> {
    const isOurs = await this.#isHere(from)
    const wanted = { volumeId: id }
    if (!isOurs || !this.#disks.isThere(wanted)) {
      await sleep(leastMs * this.#pace, signal)
      return isOurs
    }
    const gone = await poll(async () => (this.#disks.isThere(wanted) ? undefined : true), {
      intervalMs: DISK_POLL_MS * this.#pace,
      timeoutMs: Math.min(DISK_GONE_MS * this.#pace, mostMs),
      signal,
    })
    return gone === true
  }

  async #isFull(): Promise<boolean> {
    if (this.#attached.size < FEW) return false
    const limit = await this.#attachmentLimit()
    return limit !== undefined && this.#attached.size >= limit
  }

  async #isHere(instance: InstanceId): Promise<boolean> {
    try {
      return (await this.#identity.own()).instanceId === instance
    } catch {
      return false
    }
  }

  /** One look at what is attached here, shared by all who want it. */
  #read(signal?: AbortSignal): Promise<void> {
    if (this.#readAt !== undefined && performance.now() - this.#readAt < REFRESH_MS)
      return Promise.resolve()
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = undefined
    })
    return untilAborted(this.#reading, signal)
  }

  async #readNow(): Promise<void> {
    const { instanceId } = await this.#identity.own()
    const seen = await this.#lookUps.matching([
      { Name: 'attachment.instance-id', Values: [instanceId] },
    ])
    this.#keep(instanceId, seen)
  }

  #keep(instanceId: InstanceId, seen: readonly Ec2Volume[]): void {
    this.#attached.clear()
    for (const { VolumeId: id = '', Attachments = [] } of seen) {
      const mine = Attachments.find(({ InstanceId }) => InstanceId === instanceId)
      const attachment = mine && toAttachment(id, mine)
      if (attachment !== undefined) this.#attached.set(id, attachment)
    }
    this.#readAt = performance.now()
  }

  /** The most volumes that this type of instance takes; undefined where EC2 does not say. EC2 itself has the last word. */
  #attachmentLimit(): Promise<number | undefined> {
    this.#limit ??= this.#askLimit().catch(() => {
      this.#limit = undefined
      return undefined
    })
    return this.#limit
  }

  async #askLimit(): Promise<number | undefined> {
    const { instanceType } = await this.#identity.get()
    if (instanceType === undefined) return undefined
    const { InstanceTypes = [] } = await this.#ec2.send(
      new DescribeInstanceTypesCommand({ InstanceTypes: [instanceType as _InstanceType] }),
    )
    const limit = InstanceTypes[0]?.EbsInfo?.MaximumEbsAttachments
    return limit === undefined || limit < 1 ? undefined : limit
  }
}

function namesIn(attachments: readonly { readonly Device?: string | undefined }[]): Set<string> {
  return new Set(attachments.flatMap(({ Device }) => Device ?? []))
}

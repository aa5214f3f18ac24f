import {
  AlreadyExistsError,
  FailedPreconditionError,
  InvalidArgumentError,
  NotFoundError,
  volumeNamed,
} from '../../../src/libstorage/errors.ts'
import type {
  InstanceState,
  Volume,
  VolumeAttachment,
  VolumeQuery,
  VolumeSpec,
} from '../../../src/libstorage/types.ts'
import { after } from '../../../src/libstorage/wait.ts'
import type { DiskContent } from '../memory-kernel.ts'
import type { Chance } from './chance.ts'
import type { Chronicle } from './chronicle.ts'
import type { Faults } from './faults.ts'
import type { Referee } from './referee.ts'

/** How often the platform looks whether a machine has let go of a device, in milliseconds. */
const LET_GO_LOOK_MS = 250
/** How long a platform that pulls waits for the machine to let go, in milliseconds. */
const PULL_AFTER_MS = 3_000

/** What lies on a volume, and all that was written to it since it was formatted. */
export interface Disk {
  content: DiskContent
  wasMounted: boolean
  /** How much of its device its file system uses, in GiB. */
  usedGiB: number
  /** A growth of the file system was cut short, and no thorough check has looked at it since. */
  isTorn: boolean
  readonly writes: string[]
}

/** A machine as the platform sees it. */
export interface PlatformMachine {
  readonly id: string
  /** `gone`: the platform knows it no more. */
  readonly state: InstanceState | 'gone'
  /** Whether anything on it has the device open. */
  holds(deviceName: string): boolean
  /** Whether it is mounted there. */
  hasMounted(deviceName: string): boolean
  stop(): void
}

/** An attachment, which is the same object for as long as it lasts. */
export interface LiveAttachment {
  readonly volumeId: string
  readonly instanceId: string
  readonly since: Date
  readonly deviceName: string
  readonly appearsAt: number
  detachingSince: number | undefined
  isOver: boolean
}

/** A volume of the platform. */
export interface Kept {
  facts: Omit<Volume, 'attachments' | 'state'>
  readonly disk: Disk
  attachment: LiveAttachment | undefined
}

/** How a platform behaves where platforms differ. */
export interface PlatformNature {
  /** Look-ups show what was so many milliseconds ago. */
  readonly lagMs: number
  /** Whether a detach from a running machine pulls the device from under its users, or waits until they let go. */
  readonly pulls: boolean
}

/** The control plane that all machines of a world share. What it does is judged by the referee. */
export class WorldPlatform {
  readonly machines = new Map<string, PlatformMachine>()
  /** How much later than usual the next device appears, in milliseconds. */
  lateMs = 0
  readonly nature: PlatformNature
  readonly #faults: Faults
  readonly #chance: Chance
  readonly #chronicle: Chronicle
  readonly #referee: Referee
  readonly #volumes = new Map<string, Kept>()
  readonly #devices = new Map<
    string,
    { readonly kept: Kept; readonly attachment: LiveAttachment }
  >()
  readonly #past: { at: number; volumes: readonly Kept[] }[] = []
  #lastSince = 0
  #made = 0

  constructor(
    nature: PlatformNature,
    faults: Faults,
    chance: Chance,
    chronicle: Chronicle,
    referee: Referee,
  ) {
    this.nature = nature
    this.#faults = faults
    this.#chance = chance
    this.#chronicle = chronicle
    this.#referee = referee
  }

  /** The volumes as they are, which a look-up may show later. */
  now(): readonly Kept[] {
    return [...this.#volumes.values()]
  }

  /** The volume and the attachment that a device name stands for or stood for. */
  ofDevice(deviceName: string): { kept: Kept; attachment: LiveAttachment } | undefined {
    return this.#devices.get(deviceName)
  }

  /** The attachment of a volume to a machine that lasts. */
  attachmentOf(volumeId: string, instanceId: string): LiveAttachment | undefined {
    return [...this.#devices.values()]
      .map(({ attachment }) => attachment)
      .findLast((one) => !one.isOver && one.volumeId === volumeId && one.instanceId === instanceId)
  }

  kept(id: string): Kept {
    const kept = this.#volumes.get(id)
    if (kept === undefined) throw new NotFoundError(volumeNamed(id))
    return kept
  }

  look({ name, instanceId }: VolumeQuery): Volume[] {
    const at = Date.now() - this.nature.lagMs
    const seen = this.#past.findLast((moment) => moment.at <= at)?.volumes ?? []
    return seen
      .map((kept) => shown(kept, at))
      .filter((volume) => name === undefined || volume.name === name)
      .filter(
        ({ attachments }) =>
          instanceId === undefined || attachments.some((one) => one.instanceId === instanceId),
      )
  }

  create({ name, sizeGiB, labels }: VolumeSpec): Volume {
    if (this.now().some(({ facts }) => facts.name === name))
      throw new AlreadyExistsError({ subject: volumeNamed(name), problem: 'exists already' })
    this.#made += 1
    const id = `vol-${String(this.#made).padStart(8, '0')}`
    const facts = { id, name, sizeGiB, labels, createdAt: new Date(), managed: true }
    const kept: Kept = {
      facts,
      disk: {
        content: { kind: 'blank' },
        wasMounted: false,
        usedGiB: 0,
        isTorn: false,
        writes: [],
      },
      attachment: undefined,
    }
    this.#volumes.set(id, kept)
    this.#changed()
    return shown(kept, Date.now())
  }

  /** Attached or not; its device shows the new size at once. */
  resize(id: string, sizeGiB: number): Volume {
    const kept = this.kept(id)
    if (sizeGiB < kept.facts.sizeGiB)
      throw new InvalidArgumentError({ subject: 'size', problem: `is less than that of ${id}` })
    kept.facts = { ...kept.facts, sizeGiB }
    this.#changed()
    return shown(kept, Date.now())
  }

  remove(id: string): void {
    const kept = this.kept(id)
    if (kept.attachment !== undefined) throw heldBy(kept.attachment)
    this.#referee.onRemove(kept)
    this.#volumes.delete(id)
    this.#changed()
  }

  attach(id: string, to: string): VolumeAttachment {
    const kept = this.kept(id)
    const present = kept.attachment
    if (present?.instanceId === to && present.detachingSince === undefined) return attached(present)
    const isTaken = present !== undefined && !this.#faults.attachesTwice
    if (isTaken) throw heldBy(present)
    this.#lastSince = Math.max(Date.now(), this.#lastSince + 1)
    const deviceName = `/dev/world${this.#devices.size}`
    kept.attachment = {
      volumeId: id,
      instanceId: to,
      since: new Date(this.#lastSince),
      deviceName,
      appearsAt: Date.now() + this.#chance.between(5, 1_500) + this.lateMs,
      detachingSince: undefined,
      isOver: false,
    }
    this.lateMs = 0
    this.#devices.set(deviceName, { kept, attachment: kept.attachment })
    this.#changed()
    return attached(kept.attachment)
  }

  /** Begins to end an attachment; resolves nothing: whoever waits looks. */
  detach(id: string, from: string, force: boolean, asker: string): LiveAttachment {
    const kept = this.kept(id)
    const attachment = kept.attachment
    const isNamed = attachment?.instanceId === from || this.#faults.detachTakesFromAnybody
    if (attachment === undefined || !isNamed)
      throw new NotFoundError(`attachment of ${volumeNamed(id)} to ${from}`)
    const holder = this.machines.get(attachment.instanceId)
    this.#referee.onDetach({ asker, named: from, kept, attachment, force, holder })
    attachment.detachingSince ??= Date.now()
    this.#changed()
    if (force) after(200, () => this.end(kept, attachment, `forced by ${asker}`))
    else after(this.#chance.between(50, 800), () => this.#letGo(kept, attachment))
    return attachment
  }

  /** The attachment is over, and the device gone. */
  end(kept: Kept, attachment: LiveAttachment, how: string): void {
    if (attachment.isOver) return
    attachment.isOver = true
    this.#chronicle.say(`platform: ${kept.facts.name} leaves ${attachment.instanceId} (${how})`)
    this.#referee.onEnd(kept, attachment, this.machines.get(attachment.instanceId))
    if (kept.attachment === attachment) kept.attachment = undefined
    this.#changed()
  }

  #letGo(kept: Kept, attachment: LiveAttachment): void {
    if (attachment.isOver) return
    const holder = this.machines.get(attachment.instanceId)
    const isRunning = holder?.state === 'running'
    const asked = Date.now() - (attachment.detachingSince ?? Date.now())
    const isPulled = this.nature.pulls && asked >= PULL_AFTER_MS
    if (!isRunning || isPulled || !holder.holds(attachment.deviceName))
      this.end(kept, attachment, isPulled ? 'pulled' : 'let go')
    else after(LET_GO_LOOK_MS, () => this.#letGo(kept, attachment))
  }

  #changed(): void {
    const volumes = this.now().map(({ attachment, ...kept }) => ({
      ...kept,
      attachment: attachment && { ...attachment },
    }))
    this.#past.push({ at: Date.now(), volumes })
  }
}

function attached(attachment: LiveAttachment, at = Date.now()): VolumeAttachment {
  const { volumeId, instanceId, since, deviceName, detachingSince, appearsAt } = attachment
  const settled = at < appearsAt ? 'attaching' : 'attached'
  const state = detachingSince === undefined ? settled : 'detaching'
  return { volumeId, instanceId, since, deviceName, state }
}

function shown({ facts, attachment }: Kept, at: number): Volume {
  if (attachment === undefined) return { ...facts, attachments: [], state: 'available' }
  return { ...facts, attachments: [attached(attachment, at)], state: 'in-use' }
}

function heldBy({ volumeId, instanceId, since }: LiveAttachment): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(volumeId),
    problem: `is attached to ${instanceId} since ${since.toISOString()}`,
    remedy: 'detach it there',
  })
}

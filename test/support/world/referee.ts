import type { Volume } from '../../../src/libstorage/types.ts'
import type { MountSettings } from '../../../src/mount/settings.ts'
import type { Chronicle } from './chronicle.ts'
import type { Kept, LiveAttachment, PlatformMachine } from './world-platform.ts'

/** How long the holder's own release comes first, in milliseconds (semantics 5.1). */
export const ATTACH_WAIT_MS = 10_000
/** How long after the request a detach may be forced, in milliseconds (semantics 5.2). */
export const PREEMPT_GRACE_MS = 20_000
/** How long a machine does not take back what it lost, in milliseconds (semantics 5.5). */
const TUG_OF_WAR_MS = 300_000

type Policy = MountSettings['mount']['preempt']

/** A detach as it reaches the platform. */
export interface DetachRequest {
  readonly asker: string
  readonly named: string
  readonly kept: Kept
  readonly attachment: LiveAttachment
  readonly force: boolean
  readonly holder: PlatformMachine | undefined
}

/** Judges what machines ask of the platform by what they were told before, and keeps what users were promised. */
export class Referee {
  readonly #policy: Policy
  readonly #chronicle: Chronicle
  /** What was acknowledged to the writers of a volume of this name, in order. */
  readonly #acknowledged = new Map<string, string[]>()
  readonly #removing = new Set<string>()
  /** When a machine first saw an attachment of another, and which it saw last. */
  readonly #seenSince = new Map<string, number>()
  /** The volumes that a machine last saw attached, and to which. */
  readonly #seenAt = new Map<string, { readonly key: string; readonly instanceId: string }>()
  /** The volumes that somebody at a machine asked for by force. */
  readonly #forced = new Map<string, string[]>()
  readonly #lastSeen = new Map<string, number | undefined>()
  readonly #states = new Map<string, string>()
  readonly #takers = new Set<LiveAttachment>()
  /** Until when a machine leaves a volume to the one that took it. */
  readonly #lost = new Map<string, number>()

  constructor(policy: Policy, chronicle: Chronicle) {
    this.#policy = policy
    this.#chronicle = chronicle
  }

  acknowledge(name: string, write: string): void {
    this.#acknowledged.set(name, [...(this.#acknowledged.get(name) ?? []), write])
  }

  /** Compares what a new user finds with what was acknowledged to those before. */
  onFound(who: string, { facts, disk }: Kept): void {
    const expected = this.#acknowledged.get(facts.name) ?? []
    if (expected.join() === disk.writes.join()) return
    this.#chronicle.violated(
      `${who} finds [${disk.writes}] on ${facts.name}, and [${expected}] were acknowledged`,
    )
  }

  /** A user asked for the volume's end. */
  allowRemoval(name: string): void {
    this.#removing.add(name)
  }

  forbidRemoval(name: string): void {
    this.#removing.delete(name)
  }

  /** Somebody at this machine takes a volume by force, until the function it returns is called. */
  allowForce(machineId: string, name: string): () => void {
    this.#forced.set(machineId, [...(this.#forced.get(machineId) ?? []), name])
    return () => {
      const left = this.#forced.get(machineId) ?? []
      const index = left.indexOf(name)
      this.#forced.set(machineId, left.toSpliced(index, index < 0 ? 0 : 1))
    }
  }

  forbidForce(machineId: string): void {
    this.#forced.delete(machineId)
  }

  onRemove({ facts }: Kept): void {
    if (!this.#removing.has(facts.name))
      this.#chronicle.violated(`${facts.name} is removed though nobody asked for that`)
    this.#acknowledged.delete(facts.name)
  }

  /** What was never mounted since it was blank holds nothing of value: its format may be repeated. */
  onFormat(machineId: string, { facts, disk }: Kept): void {
    if (disk.content.kind === 'foreign' || disk.wasMounted)
      this.#chronicle.violated(`${machineId} formats over what lies on ${facts.name}`)
    disk.writes.length = 0
  }

  onLook(asker: string, volumes: readonly Volume[]): readonly Volume[] {
    for (const { id, attachments } of volumes) {
      const since = attachments[0]?.since.getTime()
      this.#lastSeen.set(`${asker} ${id}`, since)
      const key = `${asker} ${id} ${since}`
      if (!this.#seenSince.has(key)) this.#seenSince.set(key, Date.now())
      const { instanceId = '' } = attachments[0] ?? {}
      this.#seenAt.set(`${asker} ${id}`, { key, instanceId })
    }
    return volumes
  }

  onStatus(asker: string, target: string, state: string): void {
    this.#states.set(`${asker} ${target}`, state)
  }

  onStop(asker: string, target: string): void {
    if (this.#policy !== 'fence' || asker === target)
      this.#chronicle.violated(`${asker} stops ${target} under policy ${this.#policy}`)
    const seen = [...this.#seenAt].filter(
      ([who, { instanceId }]) => who.startsWith(`${asker} `) && instanceId === target,
    )
    const isDue = ([who, { key }]: (typeof seen)[number]) =>
      Date.now() - (this.#seenSince.get(key) ?? 0) >= ATTACH_WAIT_MS &&
      Date.now() >= (this.#lost.get(who) ?? 0)
    if (!seen.some(isDue))
      this.#chronicle.violated(`${asker} stops ${target} before attachWait is over, or in quiet`)
  }

  onDetach(request: DetachRequest): void {
    const { asker, named, attachment, kept } = request
    const { facts } = kept
    if (attachment.instanceId !== named)
      this.#chronicle.violated(
        `${asker} detaches ${facts.name} from ${named}, and ${attachment.instanceId} loses it`,
      )
    if (asker === named) this.#onOwnDetach(request)
    else this.#onTakeOver(request)
  }

  #onOwnDetach({ asker, attachment, force, kept: { facts }, holder }: DetachRequest): void {
    if (force) this.#chronicle.violated(`${asker} forces its own detach of ${facts.name}`)
    if (holder?.holds(attachment.deviceName))
      this.#chronicle.violated(`${asker} detaches ${facts.name} while it is held there`)
  }

  /** An attachment has ended; who had it against its will, and still used it, has lost the volume. */
  onEnd(kept: Kept, attachment: LiveAttachment, holder: PlatformMachine | undefined): void {
    if (!this.#takers.has(attachment) || !holder?.hasMounted(attachment.deviceName)) return
    this.#lost.set(`${attachment.instanceId} ${kept.facts.id}`, Date.now() + TUG_OF_WAR_MS)
  }

  /** A Mount was refused: the time of a machine that lost the volume begins anew. */
  onRefusedMount(machineId: string, volumeId: string): void {
    const key = `${machineId} ${volumeId}`
    if (this.#lost.has(key)) this.#lost.set(key, Date.now() + TUG_OF_WAR_MS)
  }

  onMounted(machineId: string, volumeId: string): void {
    this.#lost.delete(`${machineId} ${volumeId}`)
  }

  #onTakeOver(request: DetachRequest): void {
    const { asker, named, attachment, kept, force } = request
    const told = this.#states.get(`${asker} ${named}`)
    const what = `${asker} ${force ? 'forces' : 'asks'} a detach of ${kept.facts.name} from ${named}`
    const policy = this.#policyOf(request)
    if (!mayDetach(told, policy))
      this.#chronicle.violated(
        `${what}, which is ${told ?? 'of unknown state'}, under policy ${this.#policy}`,
      )
    const isAlive = told === 'running' || told === 'pending'
    const seen = this.#seenSince.get(`${asker} ${kept.facts.id} ${attachment.since.getTime()}`)
    const patience = seen === undefined ? undefined : Date.now() - seen
    if (isAlive && (patience ?? 0) < ATTACH_WAIT_MS)
      this.#chronicle.violated(`${what} after ${patience} ms, before attachWait is over`)
    if (force) this.#judgeForce(what, request)
    if (isAlive) this.#judgeTaking(what, request)
  }

  #policyOf({ asker, kept }: DetachRequest): Policy {
    return this.#forced.get(asker)?.includes(kept.facts.name) ? true : this.#policy
  }

  #judgeTaking(what: string, request: DetachRequest): void {
    const { asker, attachment, kept, holder } = request
    // Who had it and did not use it has lost nothing.
    if (holder?.hasMounted(attachment.deviceName)) this.#takers.add(attachment)
    if (this.#forced.get(asker)?.includes(kept.facts.name)) return
    const until = this.#lost.get(`${asker} ${kept.facts.id}`) ?? 0
    if (Date.now() < until) this.#chronicle.violated(`${what}, a tug-of-war`)
  }

  #judgeForce(what: string, request: DetachRequest): void {
    const { asker, attachment, kept } = request
    if (this.#policyOf(request) !== true)
      this.#chronicle.violated(`${what} by force under policy ${this.#policy}`)
    if (Date.now() < attachment.appearsAt) this.#chronicle.violated(`${what} while it is attaching`)
    const waited = Date.now() - (attachment.detachingSince ?? Date.now())
    if (waited < PREEMPT_GRACE_MS)
      this.#chronicle.violated(
        `${what} ${waited} ms after the request, before preemptGrace is over`,
      )
    const looked = this.#lastSeen.get(`${asker} ${kept.facts.id}`)
    if (looked !== attachment.since.getTime())
      this.#chronicle.violated(`${what} though it looked at another attachment`)
  }
}

function mayDetach(told: string | undefined, policy: Policy): boolean {
  if (told === 'gone' || told === 'terminated') return true
  if (told === 'stopped') return policy !== false
  return (told === 'running' || told === 'pending') && policy === true
}

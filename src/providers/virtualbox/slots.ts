import { together } from '../../libstorage/wait.ts'
import type { Reference, WebSession } from './client.ts'
import { Code, hasCode } from './fault.ts'
import type { AttachedMedium } from './operations.ts'

/** The hard disks of machines as one look saw them: every machine is asked once. */
export class Slots {
  readonly #session: WebSession
  readonly #signal: AbortSignal | undefined
  readonly #machines = new Map<string, Promise<readonly AttachedMedium[] | 'unreadable'>>()
  readonly #bases = new Map<Reference, Promise<Reference>>()

  /** Of disks that are known to be no later images nobody is asked what they are images of. */
  constructor(session: WebSession, signal?: AbortSignal, bases: readonly Reference[] = []) {
    this.#session = session
    this.#signal = signal
    for (const base of bases) this.#bases.set(base, Promise.resolve(base))
  }

  /** The slot of a machine that has this medium, or an image that VirtualBox has put before it; undefined where none has. */
  async find(machineId: string, medium: Reference): Promise<AttachedMedium | undefined> {
    const slots = await this.#readable(machineId)
    return await slotOf(this.#session, slots, medium, (one) => this.#base(one))
  }

  /**
   * Whether a machine cannot be read that the medium takes itself to be attached to: it may have it, and in any slot. Of a
   * medium that was recalled every machine counts as one that may have it, so that it is asked itself.
   */
  async mayHave(machineId: string, medium: Reference): Promise<boolean> {
    if ((await this.#of(machineId)) !== 'unreadable') return false
    const [session, signal] = [this.#session, this.#signal]
    const own = await session.call('IMedium_getMachineIds', { _this: medium }, signal)
    return own.includes(machineId)
  }

  /** Whether the medium is the first disk of the machine, which it starts from. */
  async isFirst(machineId: string, medium: Reference): Promise<boolean> {
    const slots = await this.#readable(machineId)
    const controllers = [...new Set(slots.map(({ controller }) => controller))]
    const place = ({ controller, port, device }: AttachedMedium) =>
      controllers.indexOf(controller) * 1_000 + port * 10 + device
    const [first] = [...slots].sort((one, other) => place(one) - place(other))
    return first !== undefined && (await this.#base(first.medium)) === medium
  }

  async #readable(machineId: string): Promise<readonly AttachedMedium[]> {
    const slots = await this.#of(machineId)
    return slots === 'unreadable' ? [] : slots
  }

  #of(machineId: string): Promise<readonly AttachedMedium[] | 'unreadable'> {
    const known = this.#machines.get(machineId)
    if (known !== undefined) return known
    const asked = this.#ask(machineId)
    this.#machines.set(machineId, asked)
    return asked
  }

  async #ask(machineId: string): Promise<readonly AttachedMedium[] | 'unreadable'> {
    const [session, signal] = [this.#session, this.#signal]
    try {
      const args = { _this: session.root, nameOrId: machineId }
      const _this = await session.call('IVirtualBox_findMachine', args, signal)
      // One that was not looked at since the service began answers nothing else.
      await session.call('IMachine_getAccessible', { _this }, signal)
      return hardDisks(await session.call('IMachine_getMediumAttachments', { _this }, signal))
    } catch (error) {
      if (hasCode(error, Code.objectNotFound)) return []
      if (hasCode(error, Code.accessDenied)) return 'unreadable'
      throw error
    }
  }

  #base(medium: Reference): Promise<Reference> {
    const known = this.#bases.get(medium)
    if (known !== undefined) return known
    const asked = this.#session.call('IMedium_getBase', { _this: medium }, this.#signal)
    this.#bases.set(medium, asked)
    return asked
  }
}

/** The slots with a hard disk; a drive may be empty. */
export function hardDisks(slots: readonly AttachedMedium[]): readonly AttachedMedium[] {
  return slots.filter(({ type, medium }) => type === 'HardDisk' && medium !== '')
}

/** The slot that has a medium. With a snapshot of the machine another image is attached, whose base the medium is. */
export async function slotOf(
  session: WebSession,
  slots: readonly AttachedMedium[],
  medium: Reference,
  baseOf = (_this: Reference) => session.call('IMedium_getBase', { _this }),
): Promise<AttachedMedium | undefined> {
  const direct = slots.find((slot) => slot.medium === medium)
  if (direct !== undefined) return direct
  const bases = await together(slots.map((slot) => baseOf(slot.medium)))
  return slots.find((_, index) => bases[index] === medium)
}

import type { Volume, VolumeAttachment, VolumeState } from '../../libstorage/types.ts'
import { together } from '../../libstorage/wait.ts'
import type { Reference, WebSession } from './client.ts'
import { attachmentOf, type Description, readDescription } from './facts.ts'
import { Code, hasCode } from './fault.ts'
import { isDirectlyIn, lastPart, nameOfFile } from './host-path.ts'
import { SeenMedia } from './seen-media.ts'
import { Slots } from './slots.ts'
import type { Tidier } from './tidier.ts'

/** 2^30 bytes. */
export const GIB = 1_073_741_824
/** The form of the ids of media and machines. */
export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** A hard disk of the host as one look saw it. */
export interface Medium extends Description {
  readonly ref: Reference
  readonly id: string
  readonly location: string
  /** Such as `VDI`, as it was asked for. */
  readonly format: string
  /** `Created`, `LockedWrite`, `Inaccessible` … as VirtualBox names it. */
  readonly state: string
  readonly sizeBytes: number
  /** The machines that have it, or whose snapshots do. */
  readonly machineIds: readonly string[]
  /** Why it is inaccessible. */
  readonly problem: string | undefined
}

/** What is read of every disk of the host. */
export type Marked = Pick<Medium, 'ref' | 'location' | 'format' | 'facts'>

/**
 * The media of the host that are volumes: what lies in the folder for volumes, or has our mark; never what a machine starts
 * from, nor a copy that is not whole.
 */
export class Media {
  readonly #seen = new SeenMedia()
  readonly #folder: string | undefined
  readonly #tidier: Tidier

  /** The folder on the host, where one is configured. */
  constructor(folder: string | undefined, tidier: Tidier) {
    this.#folder = folder
    this.#tidier = tidier
  }

  /** All volumes, or those of this name. */
  async volumes(
    session: WebSession,
    { name }: { readonly name?: string | undefined },
    signal?: AbortSignal,
  ): Promise<readonly Volume[]> {
    const found = await this.#marked(session, (one) => this.#mayBeVolume(one), signal)
    const meant = found.filter((one) => name === undefined || nameOf(one) === name)
    // What is asked for by its name is used, and its size may have changed.
    const known = name === undefined ? meant : await this.#afresh(session, meant, signal)
    const seen = await this.#looked(session, known, signal)
    const slots = new Slots(session, signal, this.#seen.bases)
    const volumes = seen.flatMap((medium) =>
      medium === undefined ? [] : [this.#volume(medium, slots)],
    )
    return (await together(volumes)).flatMap((volume) => volume ?? [])
  }

  /** The volume and its medium; undefined where there is none of this id, or where it is none of ours. */
  async volume(
    session: WebSession,
    id: string,
    signal?: AbortSignal,
  ): Promise<{ readonly volume: Volume; readonly medium: Medium } | undefined> {
    const medium = await mediumById(session, id, signal)
    if (medium === undefined || !this.#mayBeVolume(medium)) return undefined
    this.#seen.note(medium)
    const volume = await this.#volume(medium, new Slots(session, signal))
    return volume && { volume, medium }
  }

  /** All snapshots. */
  async snapshots(session: WebSession, signal?: AbortSignal): Promise<readonly Medium[]> {
    const found = await this.#marked(session, isSnapshot, signal)
    const seen = await together(found.map((one) => looked(session, one, signal)))
    return seen.flatMap((medium) => medium ?? [])
  }

  async #marked(
    session: WebSession,
    isMeant: (medium: Marked) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<readonly (MarkRead | Medium)[]> {
    const refs = await session.call('IVirtualBox_getHardDisks', { _this: session.root }, signal)
    this.#seen.keep(refs)
    const marked = await together(
      refs.map((ref) => unlessClosed(() => this.#recalled(session, ref, signal))),
    )
    const there = marked.flatMap((one) => one ?? [])
    await this.#tidier.tidy(session, there)
    return there.filter(isMeant)
  }

  async #recalled(
    session: WebSession,
    ref: Reference,
    signal: AbortSignal | undefined,
  ): Promise<MarkRead | Medium> {
    return (await this.#seen.recall(session, ref, signal)) ?? (await readMark(session, ref, signal))
  }

  async #afresh(
    session: WebSession,
    media: readonly (MarkRead | Medium)[],
    signal: AbortSignal | undefined,
  ): Promise<readonly MarkRead[]> {
    const read = ({ ref }: MarkRead | Medium) => unlessClosed(() => readMark(session, ref, signal))
    return (await together(media.map(read))).flatMap((one) => one ?? [])
  }

  async #looked(
    session: WebSession,
    meant: readonly (MarkRead | Medium)[],
    signal: AbortSignal | undefined,
  ): Promise<readonly (Medium | undefined)[]> {
    const isRecalled = meant.some((one) => 'sizeBytes' in one)
    const all = isRecalled ? await this.#seen.machineIds(session, signal) : []
    return await together(
      meant.map(async (one) => {
        if ('sizeBytes' in one) return await withMachines(session, one, all, signal)
        const medium = await looked(session, one, signal)
        if (medium !== undefined) this.#seen.note(medium)
        return medium
      }),
    )
  }

  #mayBeVolume({ facts, location }: Pick<Medium, 'facts' | 'location'>): boolean {
    if (facts !== undefined) return facts.kind !== 'snapshot' && facts.unfinished === undefined
    return this.#folder !== undefined && isDirectlyIn(this.#folder, location)
  }

  /** Undefined for a disk that a machine starts from, or may start from, and that has no mark. */
  async #volume(medium: Medium, slots: Slots): Promise<Volume | undefined> {
    const attachments: VolumeAttachment[] = []
    for (const machineId of medium.machineIds) {
      if (await slots.mayHave(machineId, medium.ref)) {
        if (medium.facts === undefined) return undefined
        attachments.push(attachmentOf(medium, machineId))
        continue
      }
      const slot = await slots.find(machineId, medium.ref)
      // A snapshot of the machine has it, or the service remembers what was never saved.
      if (slot === undefined) continue
      if (medium.facts === undefined && (await slots.isFirst(machineId, medium.ref)))
        return undefined
      attachments.push(attachmentOf(medium, machineId, `${slot.controller}:${slot.port}`))
    }
    return toVolume(medium, attachments)
  }
}

/** Whether a medium is a snapshot of ours, and whole. */
export function isSnapshot({ facts }: Pick<Medium, 'facts'>): boolean {
  return facts?.kind === 'snapshot' && facts.unfinished === undefined
}

/** The medium of this id; undefined where there is none. */
export async function mediumById(
  session: WebSession,
  id: string,
  signal?: AbortSignal,
): Promise<Medium | undefined> {
  // Anything else would be taken for a path, and a file that is there be registered.
  if (!UUID.test(id)) return undefined
  return await unlessClosed(async () => {
    const args = { location: id, deviceType: 'HardDisk', accessMode: 'ReadWrite' }
    const asked = { _this: session.root, ...args, forceNewUuid: false }
    const ref = await session.call('IVirtualBox_openMedium', asked, signal)
    return await look(session, await readMark(session, ref, signal), signal)
  })
}

async function readMark(
  session: WebSession,
  ref: Reference,
  signal: AbortSignal | undefined,
): Promise<MarkRead> {
  const _this = ref
  const [location, format, description] = await together([
    session.call('IMedium_getLocation', { _this }, signal),
    session.call('IMedium_getFormat', { _this }, signal),
    readDescription(session, ref, signal),
  ])
  return { ref, location, format, ...description }
}

/** With the text that is the user's own. */
type MarkRead = Marked & Description

async function looked(
  session: WebSession,
  found: MarkRead | Medium,
  signal: AbortSignal | undefined,
): Promise<Medium | undefined> {
  if ('sizeBytes' in found) return found
  return await unlessClosed(() => look(session, found, signal))
}

/** Where not all machines are known, a medium that was recalled says itself which have it. */
async function withMachines(
  session: WebSession,
  medium: Medium,
  all: readonly string[] | undefined,
  signal: AbortSignal | undefined,
): Promise<Medium | undefined> {
  if (all !== undefined) return { ...medium, machineIds: all }
  const _this = medium.ref
  return await unlessClosed(async () => {
    return { ...medium, machineIds: await session.call('IMedium_getMachineIds', { _this }, signal) }
  })
}

/** What is asked about media that may be removed at the same moment. */
async function unlessClosed<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (hasCode(error, Code.objectNotFound, Code.accessDenied)) return undefined
    throw error
  }
}

/** State and size are what they were when they were last looked at: so that is done first. */
async function look(
  session: WebSession,
  marked: MarkRead,
  signal: AbortSignal | undefined,
): Promise<Medium> {
  const _this = marked.ref
  const state = await session.call('IMedium_refreshState', { _this }, signal)
  const [id, sizeBytes, machineIds, problem] = await together([
    session.call('IMedium_getId', { _this }, signal),
    session.call('IMedium_getLogicalSize', { _this }, signal),
    session.call('IMedium_getMachineIds', { _this }, signal),
    state === 'Inaccessible'
      ? session.call('IMedium_getLastAccessError', { _this }, signal)
      : Promise.resolve(undefined),
  ])
  return { ...marked, id, state, sizeBytes, machineIds, problem }
}

function nameOf({
  facts,
  format,
  location,
}: Pick<Medium, 'facts' | 'format' | 'location'>): string {
  if (facts?.name !== undefined) return facts.name
  const file = lastPart(location)
  // Of ours, though it has lost its mark: REX-Ray made only VMDK, and gave no extension.
  return /^vdi$/i.test(format) ? nameOfFile(file.replace(/\.vdi$/i, '')) : file
}

function toVolume(medium: Medium, attachments: readonly VolumeAttachment[]): Volume {
  const { facts, problem } = medium
  return {
    id: medium.id,
    name: nameOf(medium),
    sizeGiB: Math.floor(medium.sizeBytes / GIB),
    type: medium.format.toLowerCase(),
    state: stateOf(medium.state, attachments.length > 0),
    attachments,
    managed: facts?.kind === 'volume',
    labels: facts?.labels ?? {},
    ...(facts?.madeFrom !== undefined && { madeFrom: facts.madeFrom }),
    ...(facts?.createdAt !== undefined && { createdAt: new Date(facts.createdAt) }),
    ...(problem !== undefined && {
      problem: `cannot be read by VirtualBox (${problem.trim().replace(/\.$/, '')})`,
    }),
  }
}

function stateOf(state: string, isAttached: boolean): VolumeState {
  switch (state) {
    case 'NotCreated':
    case 'Creating':
      return 'creating'
    case 'Deleting':
      return 'deleting'
    case 'Inaccessible':
      return 'error'
    default:
      return isAttached ? 'in-use' : 'available'
  }
}

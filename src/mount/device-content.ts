import { createHash, randomUUID } from 'node:crypto'
import { isSinceTold } from '../libstorage/attachment-time.ts'
import { FailedPreconditionError, told, volumeNamed } from '../libstorage/errors.ts'
import type { NewFileSystem } from '../libstorage/file-system.ts'
import { together } from '../libstorage/wait.ts'
import { type EventSink, tookMs } from './events.ts'
import type { DeviceContent, Mounter, NewFileSystemSpec } from './mounter.ts'
import type { AttachedVolume } from './publisher.ts'
import { stillInUse, type VolumeSession } from './volume-session.ts'

const GIB = 1_073_741_824

/** What is on the device when it is ready to be mounted. */
export interface PreparedContent {
  readonly fsType: string
  /** Others hold the device: it is mounted once more, neither checked nor formatted. */
  readonly joined: boolean
  readonly formatted: boolean
  /** It uses its whole device; false also where that was not seen. */
  readonly isFull: boolean
}

interface Context {
  readonly mounter: Mounter
  readonly service: string
  readonly events: EventSink
}

/**
 * Looks at what lies on the device and makes it mountable: a file system is checked, a blank device is formatted,
 * everything else is refused with what was found and where. Nobody else holds the device while that is decided.
 */
export async function prepareContent(
  session: VolumeSession,
  attached: AttachedVolume,
  wanted: NewFileSystem,
  context: Context,
): Promise<PreparedContent> {
  const { mounter } = context
  const { device, volume } = attached
  const held = (await mounter.exclusiveOpen(device)) === 'held'
  const content = await mounter.identify(device)
  if (content.kind === 'foreign') throw refusal(attached, `holds ${content.what}`)
  if (held) return await join(attached, content, mounter)
  const intent = validIntent(session, attached)
  const isIntended = content.kind === 'file-system' && content.uuid === intent?.uuid
  // A mkfs that has ended needs no repeat, and what it made may have been used by hand since.
  if (
    content.kind === 'file-system' &&
    (!isIntended || (await mounter.isFinished(device, content.fsType)))
  ) {
    const isFull = await useAsFound(session, attached, content, context)
    return { fsType: content.fsType, joined: false, formatted: isIntended, isFull }
  }
  if (intent !== undefined) return await repeatFormat(session, attached, intent, context)
  if (volume.madeFrom !== undefined)
    throw refusal(attached, `was made from a ${volume.madeFrom} and holds no file system`)
  const data = await mounter.findData(device, {
    sizeBytes: volume.sizeGiB * GIB,
    sampled: !volume.managed,
  })
  if (data !== undefined) throw refusal(attached, `${data} but no known file system`)
  return await format(session, attached, { fsType: wanted, uuid: randomUUID() }, context)
}

/** Resolves with whether the file system was seen to use its whole device. */
async function useAsFound(
  session: VolumeSession,
  attached: AttachedVolume,
  { fsType, uuid }: Extract<DeviceContent, { kind: 'file-system' }>,
  context: Context,
): Promise<boolean> {
  const { device, identity, volume } = attached
  const isDoubted = session.record.growing !== undefined
  const begun = performance.now()
  const depth = isDoubted ? 'thorough' : 'quick'
  const [unfilled] = await together([
    // A check makes no file system smaller: what fills its device now does so afterwards.
    told(() => context.mounter.unfilled(device, fsType)),
    context.mounter.check(attached, fsType, session.toolStarting, depth),
  ])
  if (isDoubted) await session.update({ growing: undefined, tool: undefined })
  if (volume.madeFrom !== undefined && fsType === 'btrfs')
    await context.mounter.tellApart(
      { device, identity, uuid, ownUuid: ownUuid(volume.id) },
      session.toolStarting,
    )
  record(context, attached, 'checked', begun)
  return unfilled === 0
}

/** The UUID that a copied file system gets: always the same for one volume, so that a look tells whether it has it. */
function ownUuid(volumeId: string): string {
  const hex = createHash('sha256').update(`copy ${volumeId}`).digest('hex')
  const groups = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
  ]
  return [...groups, hex.slice(20, 32)].join('-')
}

async function join(
  { volume, device, place }: AttachedVolume,
  content: DeviceContent,
  mounter: Mounter,
): Promise<PreparedContent> {
  if (content.kind === 'file-system')
    return { fsType: content.fsType, joined: true, formatted: false, isFull: false }
  const users = await mounter.users(place.mountPoint, mounter.deviceNumber(device))
  throw stillInUse(
    volume.name,
    users,
    `end that and try again: it gets its file system while nobody has its device, ${device}`,
  )
}

/** An intent of this very attachment, which its time shows: since it was written the device was in nobody else's hands. */
function validIntent(
  session: VolumeSession,
  { attachment }: AttachedVolume,
): Omit<NewFileSystemSpec, 'label'> | undefined {
  const intent = session.record.formatIntent
  if (!isSinceTold(attachment.since)) return undefined
  return intent?.attachedSince === attachment.since.toISOString() ? intent : undefined
}

/** What an mkfs left that was cut short is wiped first; the intent stays, so that this may be cut short too. */
async function repeatFormat(
  session: VolumeSession,
  attached: AttachedVolume,
  intent: Omit<NewFileSystemSpec, 'label'>,
  context: Context,
): Promise<PreparedContent> {
  session.step()
  await context.mounter.wipeSignatures(attached)
  return await format(session, attached, intent, context)
}

async function format(
  session: VolumeSession,
  attached: AttachedVolume,
  { fsType, uuid }: Omit<NewFileSystemSpec, 'label'>,
  context: Context,
): Promise<PreparedContent> {
  const { instanceId, since } = attached.attachment
  const attachedSince = since.toISOString()
  const begun = performance.now()
  await context.mounter.requireMaker(fsType)
  await session.update({
    attachment: { instanceId, since: attachedSince },
    formatIntent: { fsType, uuid, attachedSince },
  })
  await context.mounter.makeFileSystem(
    attached,
    { fsType, uuid, label: attached.volume.name },
    session.toolStarting,
  )
  await session.update({ formatIntent: undefined, tool: undefined })
  record(context, attached, 'formatted', begun)
  return { fsType, joined: false, formatted: true, isFull: true }
}

function refusal({ volume, device }: AttachedVolume, problem: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(volume.name),
    problem: `${problem} (on ${device})`,
    remedy: `it is never formatted over; to give its content up, attach it, run mkfs by hand, and it is mounted as found`,
  })
}

function record(
  context: Context,
  { volume, attachment }: AttachedVolume,
  kind: 'checked' | 'formatted',
  begun: number,
): void {
  context.events.record({
    kind,
    service: context.service,
    volume: volume.name,
    volumeId: volume.id,
    instance: attachment.instanceId,
    durationMs: tookMs(begun),
  })
}

import { told } from '../libstorage/errors.ts'
import type { PreparedContent } from './device-content.ts'
import { type EventSink, tookMs } from './events.ts'
import type { GrowthTarget, Mounter } from './mounter.ts'
import type { AttachedVolume } from './publisher.ts'
import type { VolumeSession } from './volume-session.ts'

/** What growing a file system works with. */
export interface GrowthContext {
  readonly mounter: Mounter
  readonly service: string
  readonly events: EventSink
}

/** What is left to do for a file system that is smaller than its device, or why it was not grown. */
export interface Growth {
  /** What it does not use of its device yet; 0 where nothing is to be done, or nothing more. */
  readonly unfilledBytes: number
  readonly problem?: string
}

/** The growth of a file system that fills its device. */
export const NO_GROWTH: Growth = { unfilledBytes: 0 }

/** Grows a mounted file system that does not fill its device; resolves with why that was not done, as a sentence. */
export async function growMounted(
  session: VolumeSession,
  target: GrowthTarget,
  context: GrowthContext,
): Promise<string | undefined> {
  const measured = await told(() => context.mounter.unfilled(target.device, target.fsType))
  if (typeof measured === 'string') return measured
  if (measured === 0) return undefined
  const failed = await grow(session, target, measured, context)
  await session.update({ tool: undefined })
  return failed
}

/**
 * Looks whether the file system fills its device, and grows ext, which a kernel seldom grows while it is mounted. A
 * failed growth that left the file system sound is told, not thrown; that the check before it or after it finds damage is
 * thrown, as of every check.
 */
export async function growBeforeMount(
  session: VolumeSession,
  attached: AttachedVolume,
  { fsType, joined }: PreparedContent,
  context: GrowthContext,
): Promise<Growth> {
  const { device, identity } = attached
  const measured = await told(() => context.mounter.unfilled(device, fsType))
  if (typeof measured === 'string') return { unfilledBytes: 0, problem: measured }
  const isLater = joined || !fsType.startsWith('ext')
  if (measured === 0 || isLater) return { unfilledBytes: measured }
  const check = () => context.mounter.check(attached, fsType, session.toolStarting, 'thorough')
  await check()
  await session.update({ growing: { since: new Date().toISOString() } })
  const problem = await grow(session, { device, identity, fsType }, measured, context)
  if (problem !== undefined) await check()
  await session.update({ growing: undefined, tool: undefined })
  return { unfilledBytes: 0, ...(problem !== undefined && { problem }) }
}

/** Does what is left when the file system is mounted; resolves with why it is not grown, as a sentence. */
export async function growAfterMount(
  session: VolumeSession,
  { device, identity, place }: AttachedVolume,
  { fsType }: Pick<PreparedContent, 'fsType'>,
  { unfilledBytes, problem }: Growth,
  context: GrowthContext,
): Promise<string | undefined> {
  if (unfilledBytes === 0) return problem
  const target = { device, identity, fsType, mountPoint: place.mountPoint }
  const failed = await grow(session, target, unfilledBytes, context)
  await session.update({ tool: undefined })
  return failed
}

async function grow(
  session: VolumeSession,
  target: GrowthTarget,
  unfilledBytes: number,
  { mounter, service, events }: GrowthContext,
): Promise<string | undefined> {
  const begun = performance.now()
  const failed = await told(() => mounter.grow(target, session.toolStarting))
  const about = {
    service,
    volume: session.facts.name,
    volumeId: session.facts.id,
    instance: session.record.attachment?.instanceId,
    durationMs: tookMs(begun),
  }
  if (typeof failed === 'string') {
    events.record({ kind: 'failed', ...about, cause: failed })
    return failed
  }
  const cause = `${unfilledBytes} bytes of its device were not in use yet`
  events.record({ kind: 'grown', ...about, cause })
  return undefined
}

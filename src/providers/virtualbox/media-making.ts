import { InvalidArgumentError, isStorageError, TimeoutError } from '../../libstorage/errors.ts'
import type { Reference, WebSession } from './client.ts'
import { asStorageError } from './errors.ts'
import { type Facts, writeFacts } from './facts.ts'
import { Code, hasCode, isFault } from './fault.ts'
import { GIB, type Medium } from './media.ts'

/** How long an empty medium may take; a large VMDK is written out in part. In milliseconds. */
const MAKING_MS = 300_000
/** A medium that is to be. */
export interface WantedMedium {
  /** How messages begin about it. */
  readonly subject: string
  readonly location: string
  readonly format: string
  readonly facts: Facts
  readonly sizeBytes: number
}

/**
 * Makes an empty medium, lets it be filled, and resolves with its id; where it is not filled nothing stays. A caller that goes
 * away leaves it to be finished.
 */
export async function makeMedium(
  { endpoint }: { readonly endpoint: string },
  session: WebSession,
  wanted: WantedMedium,
  signal: AbortSignal | undefined,
  fill: (medium: Reference) => Promise<void> = async () => {},
): Promise<string> {
  const { subject, location, format } = wanted
  const ref = await session.call(
    'IVirtualBox_createMedium',
    {
      _this: session.root,
      format,
      location,
      accessMode: 'ReadWrite',
      aDeviceTypeType: 'HardDisk',
    },
    signal,
  )
  try {
    await makeStorage(session, ref, wanted)
    try {
      await complete(session, ref, wanted)
      await fill(ref)
    } catch (error) {
      // What stays is marked, and can be removed.
      await removeMedium(session, { ref }).catch(() => {})
      throw error
    }
    return await session.call('IMedium_getId', { _this: ref })
  } catch (error) {
    // All of the work is done once more then.
    throw isFault(error, 'invalid-object') ? error : asStorageError(error, { subject, endpoint })
  }
}

/** Removes a medium with its file. */
export async function removeMedium(
  session: WebSession,
  { ref }: Pick<Medium, 'ref'>,
): Promise<void> {
  const progress = await session.call('IMedium_deleteStorage', { _this: ref })
  await requireFinished(session, progress, 'the removal of a disk', MAKING_MS)
  await session.call('IMedium_close', { _this: ref }).catch(() => {})
}

/** Makes a medium larger. What reports success and changes nothing, as VirtualBox does for some formats, is refused. */
export async function growMedium(
  session: WebSession,
  { ref, format }: Pick<Medium, 'ref' | 'format'>,
  { subject, sizeGiB }: { readonly subject: string; readonly sizeGiB: number },
): Promise<void> {
  const _this = ref
  const logicalSize = sizeGiB * GIB
  try {
    const progress = await session.call('IMedium_resize', { _this, logicalSize })
    await requireFinished(session, progress, `the resizing of ${subject}`, MAKING_MS)
  } catch (error) {
    if (!hasCode(error, Code.notSupported)) throw error
    throw cannotGrow(subject, format, error)
  }
  await session.call('IMedium_refreshState', { _this })
  if ((await session.call('IMedium_getLogicalSize', { _this })) !== logicalSize)
    throw cannotGrow(subject, format)
}

async function makeStorage(
  session: WebSession,
  _this: Reference,
  { facts, sizeBytes: logicalSize, subject }: WantedMedium,
): Promise<void> {
  try {
    await writeFacts(session, _this, facts)
    const size = { _this, logicalSize, variant: ['Standard'] }
    const progress = await session.call('IMedium_createBaseStorage', size)
    await requireFinished(session, progress, `the making of ${subject}`, MAKING_MS)
  } catch (error) {
    // Where it was refused there may be a file, but it is somebody else's. Without an answer there may be one of ours.
    const giveUp = isFault(error, 'runtime')
      ? session.call('IMedium_close', { _this })
      : removeMedium(session, { ref: _this })
    await giveUp.catch(() => {})
    throw error
  }
}

async function complete(
  session: WebSession,
  _this: Reference,
  { facts }: WantedMedium,
): Promise<void> {
  // A snapshot of a machine, as Vagrant takes them, would put another image before it.
  if (facts.kind === 'volume')
    await session.call('IMedium_setType', { _this, type: 'Writethrough' }).catch(() => {})
}

/** Waits for what is under way. Rejects with `TimeoutError` when the time is up; it goes on then. */
export async function requireFinished(
  session: WebSession,
  progress: Reference,
  subject: string,
  timeoutMs: number,
): Promise<void> {
  if (await session.finished(progress, timeoutMs)) return
  throw new TimeoutError({
    subject,
    problem: `is not done after ${timeoutMs / 1_000} s`,
    remedy: 'see how busy the disk of the host is; it goes on there',
  })
}

function cannotGrow(subject: string, format: string, cause?: unknown): unknown {
  if (isStorageError(cause)) return cause
  return new InvalidArgumentError({
    subject,
    problem: `cannot be made larger: VirtualBox does not do that with a ${format} disk of its kind`,
    remedy: 'make a volume of type vdi from it, which can',
    cause,
  })
}

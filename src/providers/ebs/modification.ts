import {
  DescribeVolumesModificationsCommand,
  type Volume as Ec2Volume,
  ModifyVolumeCommand,
  type VolumeModification,
} from '@aws-sdk/client-ec2'
import {
  FailedPreconditionError,
  InvalidArgumentError,
  NotFoundError,
  TimeoutError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import type { VolumeChange, VolumeId } from '../../libstorage/types.ts'
import type { CreationContext } from './creation.ts'
import type { Ec2 } from './ec2.ts'
import { ec2Code, isOfRepeat, isUnknownOutcome } from './errors.ts'
import { askUntil, type Tempo } from './patience.ts'
import { requirePossible } from './volume-types.ts'

/** How exactly EC2 repeats when a change began, in milliseconds: there is more between two of them. */
const SAME_MS = 1_000
const PACE = { firstMs: 1_000, nextMs: 1_000, maxMs: 5_000 }

/** How long EC2 may not show a change whose answer was lost. */
const UNSEEN = { forMs: 5_000, nextMs: 500, maxMs: 2_000 }
/** One look, at what EC2 itself says is there. */
const AT_ONCE = { ...UNSEEN, forMs: 0 }

/** What changing volumes works with. */
export type ModificationContext = Pick<CreationContext, 'ec2' | 'lookUps' | keyof Tempo>

/** Changes a volume; resolves when the new size can be used, which is long before EBS has done all of it. */
export async function modifyVolume(
  context: ModificationContext,
  id: VolumeId,
  change: VolumeChange,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume> {
  const { ec2, lookUps, timeoutMs } = context
  const before = await lookUps.byId(id, signal)
  if (before === undefined) throw new NotFoundError(volumeNamed(id))
  const wanted = differences(before, change)
  // EC2 starts its pause between two changes even for one that changes nothing.
  if (Object.keys(wanted).length === 0) return before
  refuseShrinking(id, before, wanted.Size)
  requirePossible({
    type: wanted.VolumeType ?? before.VolumeType ?? '',
    sizeGiB: wanted.Size ?? before.Size ?? 0,
    iops: change.iops ?? keptIops(before, wanted),
  })
  const begun = await begin(context, id, wanted, signal)
  const done = await askUntil(
    async () => {
      const last = await newest(ec2, id, signal)
      // What is shown may still be the change before this one.
      if (last === undefined || startOf(last) < startOf(begun) - SAME_MS) return undefined
      if (last.ModificationState === 'failed') throw failed(id, last.StatusMessage)
      return last.ModificationState === 'modifying' ? undefined : last
    },
    PACE,
    context,
    signal,
  )
  if (done === undefined)
    throw new TimeoutError({
      subject: volumeNamed(id),
      problem: `is still being changed by EBS after ${timeoutMs / 1_000} s`,
      remedy: 'it goes on by itself; the file system grows at the next mount',
    })
  return { ...before, ...wanted }
}

/** Asks for the change; resolves with it as it began. */
async function begin(
  context: ModificationContext,
  id: VolumeId,
  wanted: Wanted,
  signal: AbortSignal | undefined,
): Promise<VolumeModification> {
  try {
    const request = new ModifyVolumeCommand({ VolumeId: id, ...wanted })
    const { VolumeModification: begun } = await context.ec2.send(request, signal)
    return begun ?? {}
  } catch (error) {
    // A repeat of a request whose answer was lost finds the change under way.
    const isUnderWay = ec2Code(error) === 'IncorrectModificationState'
    if (!isUnderWay && !isUnknownOutcome(error)) throw error
    const isLost = !isUnderWay || isOfRepeat(error)
    const look = async () => {
      const seen = await newest(context.ec2, id, signal)
      return seen !== undefined && isOf(seen, wanted) ? seen : undefined
    }
    const last = await askUntil(look, isLost ? UNSEEN : AT_ONCE, context, signal)
    if (last === undefined) throw error
    return last
  }
}

/** What it has where its type must have one; elsewhere EC2 says one that may not be asked for. */
function keptIops({ VolumeType, Iops }: Ec2Volume, wanted: Wanted): number | undefined {
  const isNeeded = wanted.VolumeType === undefined && VolumeType?.startsWith('io') === true
  return isNeeded ? Iops : undefined
}

async function newest(
  ec2: Ec2,
  id: VolumeId,
  signal: AbortSignal | undefined,
): Promise<VolumeModification | undefined> {
  const request = new DescribeVolumesModificationsCommand({
    Filters: [{ Name: 'volume-id', Values: [id] }],
  })
  const { VolumesModifications = [] } = await ec2.send(request, signal)
  return [...VolumesModifications].sort((a, b) => startOf(b) - startOf(a))[0]
}

function startOf({ StartTime }: VolumeModification): number {
  return StartTime?.getTime() ?? 0
}

function isOf(change: VolumeModification, { Size, VolumeType, Iops }: Wanted): boolean {
  return (
    change.ModificationState !== 'failed' &&
    (Size === undefined || change.TargetSize === Size) &&
    (VolumeType === undefined || change.TargetVolumeType === VolumeType) &&
    (Iops === undefined || change.TargetIops === Iops)
  )
}

type Wanted = Pick<Ec2Volume, 'Size' | 'VolumeType' | 'Iops'>

function differences(before: Ec2Volume, { sizeGiB, type, iops }: VolumeChange): Wanted {
  return {
    ...(sizeGiB !== undefined && sizeGiB !== before.Size && { Size: sizeGiB }),
    ...(type !== undefined &&
      type !== before.VolumeType && { VolumeType: type as NonNullable<Wanted['VolumeType']> }),
    ...(iops !== undefined && iops !== before.Iops && { Iops: iops }),
  }
}

function refuseShrinking(id: VolumeId, { Size = 0 }: Ec2Volume, wanted = Size): void {
  if (wanted >= Size) return
  throw new InvalidArgumentError({
    subject: volumeNamed(id),
    problem: `has ${Size} GiB and cannot become smaller`,
    remedy: `say ${Size} or more`,
  })
}

function failed(id: VolumeId, said = 'no reason given'): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(id),
    problem: `was not changed by EBS (${said})`,
    remedy: 'see what it says, and try again',
  })
}

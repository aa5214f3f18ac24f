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
import { ec2Code, isUnknownOutcome } from './errors.ts'
import { requirePossible } from './volume-types.ts'
import { lookUntil } from './waits.ts'

const PACE = { firstMs: 1_000, nextMs: 1_000, maxMs: 5_000 }

/** Changes a volume; resolves when the new size can be used, which is long before EBS has done all of it. */
export async function modifyVolume(
  { ec2, lookUps, timeoutMs, pace }: Omit<CreationContext, 'scope'>,
  id: VolumeId,
  change: VolumeChange,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume> {
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
  try {
    await ec2.send(new ModifyVolumeCommand({ VolumeId: id, ...wanted }), signal)
  } catch (error) {
    // A repeat of a request whose answer was lost finds the change under way.
    const isOpen = ec2Code(error) === 'IncorrectModificationState' || isUnknownOutcome(error)
    if (!isOpen || !isOf(await newest(ec2, id, signal), wanted)) throw error
  }
  const done = await lookUntil(
    async () => {
      const last = await newest(ec2, id, signal)
      if (last?.ModificationState === 'failed') throw failed(id, last.StatusMessage)
      return last?.ModificationState === 'modifying' ? undefined : last
    },
    PACE,
    { timeoutMs, pace },
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
  const startOf = ({ StartTime }: VolumeModification) => StartTime?.getTime() ?? 0
  return [...VolumesModifications].sort((a, b) => startOf(b) - startOf(a))[0]
}

function isOf(change: VolumeModification | undefined, { Size, VolumeType, Iops }: Wanted): boolean {
  if (change === undefined || change.ModificationState === 'failed') return false
  return (
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

import {
  DescribeVolumesModificationsCommand,
  type Volume as Ec2Volume,
  ModifyVolumeCommand,
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
import { requirePossible } from './volume-types.ts'
import { lookUntil } from './waits.ts'

const PACE = { firstMs: 1_000, nextMs: 1_000, maxMs: 5_000 }

/** Changes a volume; resolves when the new size can be used, which is long before EBS has done all of it. */
export async function modifyVolume(
  { ec2, lookUps, timeoutMs }: Omit<CreationContext, 'scope'>,
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
    iops: change.iops,
  })
  await ec2.send(new ModifyVolumeCommand({ VolumeId: id, ...wanted }), signal)
  const done = await lookUntil(
    async () => {
      const request = new DescribeVolumesModificationsCommand({
        Filters: [{ Name: 'volume-id', Values: [id] }],
      })
      const { VolumesModifications = [] } = await ec2.send(request, signal)
      const newest = [...VolumesModifications].sort(
        (a, b) => (b.StartTime?.getTime() ?? 0) - (a.StartTime?.getTime() ?? 0),
      )[0]
      if (newest?.ModificationState === 'failed') throw failed(id, newest.StatusMessage)
      return newest?.ModificationState === 'modifying' ? undefined : newest
    },
    { ...PACE, timeoutMs },
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

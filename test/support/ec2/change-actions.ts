import { ApiError } from './api-error.ts'
import type { Form } from './form.ts'
import type { Region } from './region.ts'
import type { SimModification, SimVolume } from './resources.ts'
import { requireIdForm, volumeIdIn } from './volume-actions.ts'
import { shaped } from './volume-rules.ts'

const DAY_MS = 86_400_000

/** Begins to change a volume; EC2 begins also where nothing changes. */
export function modifyVolume(region: Region, form: Form): SimModification {
  const volume = region.volume(volumeIdIn(form))
  if (volume.state !== 'available' && volume.state !== 'in-use')
    throw new ApiError(
      'IncorrectState',
      `Volume ${volume.id} is in state '${volume.state}', cannot modify`,
    )
  const sizeGiB = form.number('Size') ?? volume.sizeGiB
  if (sizeGiB < volume.sizeGiB)
    throw new ApiError('InvalidParameterValue', 'New size cannot be smaller than existing size')
  refuseTooSoon(region, volume)
  const type = form.text('VolumeType') ?? volume.type
  const kept =
    type === volume.type && type !== 'gp2' ? volume : { iops: undefined, throughput: undefined }
  const iops = form.number('Iops') ?? kept.iops
  const to = shaped({
    sizeGiB,
    type,
    iops,
    throughput: form.number('Throughput') ?? kept.throughput,
  })
  const begun: SimModification = {
    volumeId: volume.id,
    state: 'modifying',
    startTime: new Date(region.clock.now()),
    from: volume,
    to,
  }
  region.modifications.set(volume.id, [...(region.modifications.get(volume.id) ?? []), begun])
  follow(region, volume, begun)
  return begun
}

/** The last change of each volume that is asked for; one by id that was never changed is an error, one by filter is not. */
export function lastModifications(region: Region, form: Form): SimModification[] {
  const ids = form.texts('VolumeId').map(requireIdForm)
  const never = ids.find((id) => region.modifications.get(region.volume(id).id) === undefined)
  if (never !== undefined)
    throw new ApiError(
      'InvalidVolumeModification.NotFound',
      `Modification for volume '${never}' does not exist.`,
    )
  const last = region.modifications.seen().flatMap((all) => all.at(-1) ?? [])
  return ids.length === 0 ? last : last.filter(({ volumeId }) => ids.includes(volumeId))
}

function refuseTooSoon(region: Region, { id }: SimVolume): void {
  const all = region.modifications.get(id) ?? []
  const last = all.at(-1)
  if (last?.state === 'modifying' || last?.state === 'optimizing')
    throw new ApiError(
      'IncorrectModificationState',
      `Volume ${id} is not in an acceptable modification state: it is ${last.state}.`,
    )
  const recent = all.filter(({ startTime }) => startTime.getTime() > region.clock.now() - DAY_MS)
  if (recent.length >= region.limits.modifications)
    throw new ApiError(
      'VolumeModificationRateExceeded',
      `You've reached the maximum modification rate per volume limit. Wait at least 24 hours between modifications per EBS volume ${id}.`,
    )
}

/** The new size is there from `optimizing` on. */
function follow(region: Region, { id }: SimVolume, begun: SimModification): void {
  const { modify, optimize } = region.delays
  const become = (state: SimModification['state']) => {
    const all = region.modifications.get(id) ?? []
    const updated = all.map((one) => (one.startTime === begun.startTime ? { ...one, state } : one))
    region.modifications.set(id, updated)
  }
  region.clock.after(modify, () => {
    become('optimizing')
    region.change(id, { ...begun.to })
    for (const { instanceId } of region.volumes.get(id)?.attachments ?? [])
      region.guests.get(instanceId)?.grow(id, begun.to.sizeGiB)
  })
  region.clock.after(modify + optimize, () => become('completed'))
}

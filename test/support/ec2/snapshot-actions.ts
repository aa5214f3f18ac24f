import { ApiError, notFound } from './api-error.ts'
import type { Form } from './form.ts'
import type { Region } from './region.ts'
import type { SimSnapshot } from './resources.ts'
import { volumeIdIn } from './volume-actions.ts'

/** Takes a snapshot; there is no token, so that a repeat is another one. */
export function createSnapshot(region: Region, form: Form): SimSnapshot {
  const volume = region.volume(volumeIdIn(form))
  if (volume.state !== 'available' && volume.state !== 'in-use')
    throw new ApiError('IncorrectState', `Volume '${volume.id}' is in state '${volume.state}'.`)
  const now = region.clock.now()
  const last = Math.max(
    0,
    ...region.snapshots
      .all()
      .filter(({ volumeId }) => volumeId === volume.id)
      .map(({ startTime }) => startTime.getTime()),
  )
  if (now - last < region.delays.snapshotPause)
    throw new ApiError(
      'SnapshotCreationPerVolumeRateExceeded',
      `The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep interval between requests.`,
    )
  const made: SimSnapshot = {
    id: region.newId('snap'),
    volumeId: volume.id,
    sizeGiB: volume.sizeGiB,
    state: 'pending',
    startTime: new Date(now),
    tags: form.tagsFor('snapshot'),
  }
  region.snapshots.set(made.id, made)
  region.clock.after(region.delays.snapshot, () => {
    const known = region.snapshots.get(made.id)
    if (known !== undefined) region.snapshots.set(made.id, { ...known, state: 'completed' })
  })
  return made
}

export function deleteSnapshot(region: Region, form: Form): void {
  const id = form.required('SnapshotId')
  if (region.snapshots.get(id) === undefined) throw notFound('snapshot', [id])
  region.snapshots.set(id, undefined)
}

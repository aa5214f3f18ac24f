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
    description: form.text('Description'),
    encrypted: volume.encrypted,
    kmsKeyId: volume.encrypted ? (volume.kmsKeyId ?? defaultKeyOf(region)) : undefined,
    tags: form.tagsFor('snapshot'),
  }
  region.snapshots.set(made.id, made)
  region.clock.after(region.delays.snapshot, () => change(region, made.id, { state: 'completed' }))
  return made
}

/** Copies one of this region or of another; there is no token, so that a repeat is another copy. */
export function copySnapshot(region: Region, form: Form): SimSnapshot {
  const from = sourceRegion(region, form)
  const source = from.snapshots.get(form.required('SourceSnapshotId'))
  if (source === undefined) throw notFound('snapshot', [form.required('SourceSnapshotId')])
  if (source.state !== 'completed')
    throw new ApiError('IncorrectState', `Snapshot is in invalid state - ${source.state}`)
  requireCopyPossible(region, form)
  const given = form.text('KmsKeyId')
  const encrypted = source.encrypted || form.flag('Encrypted') || region.defaultKey !== undefined
  const made: SimSnapshot = {
    id: region.newId('snap'),
    volumeId: 'vol-ffffffff',
    sizeGiB: source.sizeGiB,
    state: 'pending',
    startTime: new Date(region.clock.now()),
    description: form.text('Description'),
    encrypted,
    kmsKeyId: encrypted ? (given ?? defaultKeyOf(region)) : undefined,
    isCopy: true,
    tags: form.tagsFor('snapshot'),
  }
  region.snapshots.set(made.id, made)
  const isUsable = given === undefined || given === source.kmsKeyId || region.keys.has(given)
  if (!isUsable || region.keys.get(given ?? '') === 'error') refuseKey(region, made.id)
  region.clock.after(region.delays.snapshot, () => finishCopy(region, made.id, from, source.id))
  return made
}

export function sourceRegion(region: Region, form: Form): Region {
  const name = form.required('SourceRegion')
  const found = name === region.name ? region : region.others.get(name)
  if (found !== undefined) return found
  throw new ApiError('InvalidParameterValue', `Invalid region name: ${name}`)
}

function requireCopyPossible(region: Region, form: Form): void {
  if (form.text('KmsKeyId') !== undefined && !form.flag('Encrypted'))
    throw new ApiError(
      'InvalidParameterDependency',
      'The parameter KmsKeyId requires the parameter Encrypted to be set.',
    )
  const { snapshotCopies } = region.limits
  const underWay = region.snapshots
    .all()
    .filter(({ isCopy, state }) => isCopy && state === 'pending')
  if (underWay.length >= snapshotCopies)
    throw new ApiError(
      'ResourceLimitExceeded',
      `Too many snapshot copies in progress. The limit is ${snapshotCopies} for this destination region.`,
    )
}

/** A key is looked at only after the request was accepted. */
function refuseKey(region: Region, id: string): void {
  const stateMessage = 'Given key ID is not accessible'
  region.clock.after(region.delays.keyRefusal, () =>
    change(region, id, { state: 'error', stateMessage }),
  )
}

/** Without its original there is nothing left to copy. */
function finishCopy(region: Region, id: string, from: Region, original: string): void {
  if (region.snapshots.get(id)?.state !== 'pending') return
  const state = from.snapshots.get(original) === undefined ? 'error' : 'completed'
  change(region, id, { state })
}

function change(region: Region, id: string, to: Partial<SimSnapshot>): void {
  const known = region.snapshots.get(id)
  if (known !== undefined) region.snapshots.set(id, { ...known, ...to })
}

/** The key that a region encrypts with where none is named. */
function defaultKeyOf({ name, accountId, defaultKey }: Region): string {
  return defaultKey ?? `arn:aws:kms:${name}:${accountId}:key/aws-ebs`
}

export function deleteSnapshot(region: Region, form: Form): void {
  const id = form.required('SnapshotId')
  if (region.snapshots.get(id) === undefined) throw notFound('snapshot', [id])
  region.snapshots.set(id, undefined)
}

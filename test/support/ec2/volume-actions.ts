import { ApiError, notFound } from './api-error.ts'
import type { Form } from './form.ts'
import type { Region } from './region.ts'
import type { SimShape, SimVolume } from './resources.ts'
import { shaped } from './volume-rules.ts'

const TAGS_MAX = 50

/** Makes a volume, or answers with the one that the client token stands for. */
export function createVolume(region: Region, form: Form): SimVolume {
  const zone = form.text('AvailabilityZone') ?? ''
  if (!region.zones.includes(zone))
    throw new ApiError('InvalidZone.NotFound', `The zone '${zone}' does not exist.`)
  return once(region, form, () => {
    const source = sourceSnapshot(region, form)
    const sizeGiB = form.number('Size') ?? source?.sizeGiB
    if (sizeGiB === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter size/snapshot')
    if (source !== undefined && sizeGiB < source.sizeGiB)
      throw new ApiError(
        'InvalidParameterValue',
        `Volume of ${sizeGiB}GiB is smaller than snapshot '${source.id}', expect size>= ${source.sizeGiB}GiB`,
      )
    const shape = shaped({ ...shapeOf(form), sizeGiB, type: form.text('VolumeType') ?? 'gp2' })
    return addVolume(region, form, { zone, shape, origin: { snapshotId: source?.id } })
  })
}

/** Makes a volume with the bytes of another one. */
export function copyVolume(region: Region, form: Form): SimVolume {
  const source = region.volume(form.required('SourceVolumeId'))
  if (source.state !== 'available' && source.state !== 'in-use')
    throw new ApiError('IncorrectState', `Volume '${source.id}' is not 'available' or 'in-use'.`)
  return once(region, form, () => {
    const sizeGiB = form.number('Size') ?? source.sizeGiB
    if (sizeGiB < source.sizeGiB)
      throw new ApiError(
        'InvalidParameterValue',
        `The size must be at least that of the source volume (${source.sizeGiB} GiB).`,
      )
    const shape = shaped({ ...shapeOf(form), sizeGiB, type: form.text('VolumeType') ?? 'gp2' })
    return addVolume(region, form, {
      zone: source.zone,
      shape,
      origin: { sourceVolumeId: source.id },
    })
  })
}

export function deleteVolume(region: Region, form: Form): void {
  const volume = region.volume(volumeIdIn(form))
  const [attachment] = volume.attachments
  if (attachment !== undefined)
    throw new ApiError(
      'VolumeInUse',
      `Volume ${volume.id} is currently attached to ${attachment.instanceId}`,
    )
  if (volume.state === 'creating')
    throw new ApiError('IncorrectState', `The volume '${volume.id}' is 'creating'.`)
  if (volume.state === 'deleting') throw notFound('volume', [volume.id])
  region.change(volume.id, { state: 'deleting' })
  region.clock.after(region.delays.delete, () => region.volumes.set(volume.id, undefined))
}

/** The id of the one volume that a request is about. */
export function volumeIdIn(form: Form): string {
  return requireIdForm(form.required('VolumeId'))
}

export function requireIdForm(id: string): string {
  if (/^vol-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id)) return id
  throw new ApiError('InvalidVolumeID.Malformed', `Invalid id: "${id}" (expecting "vol-...")`)
}

/** A token is used once: the same request gets the same volume, also one that is gone; another one is refused. */
function once(region: Region, form: Form, make: () => SimVolume): SimVolume {
  const now = region.clock.now()
  const token = form.text('ClientToken')
  if (token !== undefined && token.length > 64)
    throw new ApiError(
      'InvalidParameterValue',
      'Value for parameter clientToken is invalid. It must not exceed 64 characters',
    )
  // The real one answers so even to the repeat of a request that has succeeded.
  if (region.volumes.all().length >= region.limits.volumes)
    throw new ApiError(
      'VolumeLimitExceeded',
      'You have exceeded your maximum gp3 storage limit in this region.',
    )
  const known = token === undefined ? undefined : region.tokens.get(token)
  if (token === undefined || known === undefined || now - known.at > region.limits.tokenLifeMs) {
    const made = make()
    if (token !== undefined)
      region.tokens.set(token, { fingerprint: form.fingerprint(), made, at: now })
    return made
  }
  if (known.fingerprint !== form.fingerprint())
    throw new ApiError(
      'IdempotentParameterMismatch',
      `The client token '${token}' was used with different parameters in an earlier request.`,
    )
  return region.volumes.get(known.made.id) ?? known.made
}

function shapeOf(form: Form): Pick<SimShape, 'iops' | 'throughput'> {
  return { iops: form.number('Iops'), throughput: form.number('Throughput') }
}

function sourceSnapshot(region: Region, form: Form): { id: string; sizeGiB: number } | undefined {
  const id = form.text('SnapshotId')
  if (id === undefined) return undefined
  const found = region.snapshots.get(id)
  if (found === undefined) throw notFound('snapshot', [id])
  if (found.state !== 'completed')
    throw new ApiError('IncorrectState', `Snapshot is in invalid state - ${found.state}`)
  return found
}

interface NewVolume {
  readonly zone: string
  readonly shape: SimShape
  readonly origin: Pick<SimVolume, 'snapshotId' | 'sourceVolumeId'>
}

function addVolume(region: Region, form: Form, { zone, shape, origin }: NewVolume): SimVolume {
  const kmsKeyId = form.text('KmsKeyId')
  const encrypted = form.flag('Encrypted')
  if (kmsKeyId !== undefined && !encrypted)
    throw new ApiError(
      'InvalidParameterDependency',
      'The parameter KmsKeyId requires the parameter Encrypted to be set.',
    )
  const tags = form.tagsFor('volume')
  if (Object.keys(tags).length > TAGS_MAX)
    throw new ApiError(
      'TagLimitExceeded',
      `The maximum number of Tags for a resource has been reached (${TAGS_MAX}).`,
    )
  const made: SimVolume = {
    ...shape,
    ...origin,
    id: region.newId('vol'),
    zone,
    encrypted,
    kmsKeyId,
    multiAttach: form.flag('MultiAttachEnabled'),
    createTime: new Date(region.clock.now()),
    state: 'creating',
    tags,
    attachments: [],
  }
  region.volumes.set(made.id, made)
  settle(region, made)
  return made
}

/** A key is looked at only after the request was accepted. */
function settle(region: Region, { id, kmsKeyId }: SimVolume): void {
  const fate = kmsKeyId === undefined ? 'usable' : (region.keys.get(kmsKeyId) ?? 'vanish')
  const { create, keyRefusal } = region.delays
  if (fate === 'usable') region.clock.after(create, () => region.change(id, { state: 'available' }))
  else
    region.clock.after(keyRefusal, () =>
      fate === 'error' ? region.change(id, { state: 'error' }) : region.volumes.set(id, undefined),
    )
}

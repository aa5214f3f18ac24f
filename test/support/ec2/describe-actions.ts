import { ApiError, notFound } from './api-error.ts'
import { lastModifications } from './change-actions.ts'
import { asksByTag, type Facts, filtered } from './filters.ts'
import type { Form } from './form.ts'
import { pageOf } from './pages.ts'
import type { Region } from './region.ts'
import type { SimInstance, SimSnapshot, SimVolume } from './resources.ts'
import { instanceXml, modificationXml, snapshotXml, volumeXml } from './views.ts'
import { requireIdForm } from './volume-actions.ts'
import type { Xml } from './xml.ts'

type Answer = { readonly [name: string]: Xml }

export function describeVolumes(region: Region, form: Form): Answer {
  const seen = shownBy(region, form, region.volumes.seen(), ({ createTime }) => createTime)
  const named = byIds(seen, form.texts('VolumeId').map(requireIdForm), 'volume')
  const { items, nextToken } = pageOf(form, 'VolumeId', filtered(form, named, volumeFacts), 1_000)
  return { volumeSet: items.map(volumeXml), nextToken }
}

export function describeInstances(region: Region, form: Form): Answer {
  const ids = form.texts('InstanceId')
  const malformed = ids.find((id) => !/^i-[0-9a-f]{8,17}$/.test(id))
  if (malformed !== undefined)
    throw new ApiError('InvalidInstanceID.Malformed', `Invalid id: "${malformed}"`)
  const named = byIds(region.instances.seen(), ids, 'instance')
  const { items, nextToken } = pageOf(
    form,
    'InstanceId',
    filtered(form, named, instanceFacts),
    1_000,
  )
  const reservationSet = items.map((one) => ({ instancesSet: [instanceXml(region, one)] }))
  return { reservationSet, nextToken }
}

export function describeSnapshots(region: Region, form: Form): Answer {
  const seen = shownBy(region, form, region.snapshots.seen(), ({ startTime }) => startTime)
  const named = byIds(seen, form.texts('SnapshotId'), 'snapshot')
  const { items, nextToken } = pageOf(
    form,
    'SnapshotId',
    filtered(form, named, snapshotFacts),
    1_000,
  )
  return { snapshotSet: items.map((one) => snapshotXml(region, one)), nextToken }
}

export function describeModifications(region: Region, form: Form): Answer {
  const found = filtered(form, lastModifications(region, form), (one) => ({
    'volume-id': [one.volumeId],
    'modification-state': [one.state],
  }))
  const { items, nextToken } = pageOf(form, 'VolumeId', found, 500)
  return { volumeModificationSet: items.map(modificationXml), nextToken }
}

export function describeInstanceTypes(region: Region, form: Form): Answer {
  const names = form.texts('InstanceType')
  const unknown = names.find((name) => !region.types.has(name))
  if (unknown !== undefined)
    throw new ApiError(
      'InvalidInstanceType',
      `The following supplied instance types do not exist: [${unknown}]`,
    )
  const all = [...region.types.values()].filter(
    ({ name }) => names.length === 0 || names.includes(name),
  )
  return {
    instanceTypeSet: all.map(({ name, hypervisor, attachments, ownDisks }) => ({
      instanceType: name,
      hypervisor,
      ebsInfo: {
        nvmeSupport: hypervisor === 'nitro' ? 'required' : 'unsupported',
        maximumEbsAttachments: attachments,
        attachmentLimitType: ownDisks === undefined ? 'dedicated' : 'shared',
      },
      ...(ownDisks !== undefined && {
        instanceStorageInfo: { nvmeSupport: 'required', disks: [{ count: ownDisks }] },
      }),
    })),
  }
}

/** What was made just now does not show by its tags yet. */
function shownBy<T>(region: Region, form: Form, seen: T[], madeAt: (one: T) => Date): T[] {
  if (!asksByTag(form)) return seen
  const until = region.clock.now() - region.delays.tagLag
  return seen.filter((one) => madeAt(one).getTime() <= until)
}

/** Those of the ids; one that is missing fails them all. */
function byIds<T extends { readonly id: string }>(
  all: readonly T[],
  ids: readonly string[],
  kind: 'volume' | 'instance' | 'snapshot',
): readonly T[] {
  if (ids.length === 0) return all
  const missing = ids.filter((id) => all.every((one) => one.id !== id))
  if (missing.length > 0) throw notFound(kind, missing)
  return all.filter(({ id }) => ids.includes(id))
}

function volumeFacts(volume: SimVolume): Facts {
  return {
    'volume-id': [volume.id],
    'availability-zone': [volume.zone],
    status: [volume.state],
    size: [String(volume.sizeGiB)],
    'volume-type': [volume.type],
    encrypted: [String(volume.encrypted)],
    'snapshot-id': [volume.snapshotId],
    'multi-attach-enabled': [String(volume.multiAttach)],
    'create-time': [volume.createTime.toISOString()],
    'attachment.instance-id': volume.attachments.map((one) => one.instanceId),
    'attachment.device': volume.attachments.map((one) => one.device),
    'attachment.status': volume.attachments.map((one) => one.state),
  }
}

function instanceFacts(instance: SimInstance): Facts {
  return {
    'instance-id': [instance.id],
    'availability-zone': [instance.zone],
    'instance-state-name': [instance.state],
    'instance-type': [instance.type],
  }
}

function snapshotFacts(snapshot: SimSnapshot): Facts {
  return {
    'snapshot-id': [snapshot.id],
    'volume-id': [snapshot.volumeId],
    'volume-size': [String(snapshot.sizeGiB)],
    status: [snapshot.state],
  }
}

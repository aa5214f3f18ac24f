import type { Filter } from '@aws-sdk/client-ec2'
import { NotFoundError, volumeNamed } from '../../libstorage/errors.ts'
import type {
  CallOptions,
  CreateOptions,
  DetachOptions,
  InstanceDriver,
  NamedCallOptions,
  NamesakesOptions,
  SnapshotDriver,
  StorageDriver,
} from '../../libstorage/storage-driver.ts'
import type {
  InstanceId,
  Namesakes,
  Volume,
  VolumeAttachment,
  VolumeChange,
  VolumeId,
  VolumeQuery,
  VolumeSpec,
} from '../../libstorage/types.ts'
import { attachVolume } from './attachments.ts'
import { createVolume } from './creation.ts'
import { detachVolume } from './detachment.ts'
import type { Ec2 } from './ec2.ts'
import { asStorageError } from './errors.ts'
import type { MachineIdentity } from './identity.ts'
import { ec2Instances } from './instances.ts'
import type { VolumeLookUps } from './look-ups.ts'
import { modifyVolume } from './modification.ts'
import { anyCasePatterns } from './name-patterns.ts'
import type { Tempo } from './patience.ts'
import { removeVolume } from './removal.ts'
import type { CopyContext } from './snapshot-copies.ts'
import { ec2Snapshots } from './snapshots.ts'
import { literal, nameTag, scopeFilters, type TagScope } from './tags.ts'
import type { ThisInstance } from './this-instance.ts'
import type { TokenMemory } from './token-memory.ts'
import type { UsualTime } from './usual-time.ts'
import { isGone, isRootDisk, toVolume } from './volume.ts'

/** What the driver is made of. */
export interface EbsParts extends Tempo {
  readonly ec2: Ec2
  readonly elsewhere: CopyContext['elsewhere']
  readonly lookUps: VolumeLookUps
  readonly tokens: TokenMemory
  readonly identity: MachineIdentity
  readonly here: ThisInstance
  readonly scope: TagScope
  readonly usualMaking: UsualTime
  readonly usualFreeing: UsualTime
  /** Whether names of other zones are never looked at. */
  readonly namesPerZone: boolean
  /** The key for encrypted volumes of which none is named. */
  readonly encryptionKey: string | undefined
}

/** Volumes of Amazon EBS, found by their `Name` tag. */
export class EbsDriver implements StorageDriver {
  readonly name = 'ebs'
  readonly instances: InstanceDriver
  readonly snapshots: SnapshotDriver
  readonly #parts: EbsParts

  constructor(parts: EbsParts) {
    this.#parts = parts
    this.instances = ec2Instances(parts.ec2)
    this.snapshots = ec2Snapshots(parts)
  }

  hindrance(): string | undefined {
    return this.#parts.ec2.hindrance
  }

  volumes(query: VolumeQuery = {}, { signal }: CallOptions = {}): Promise<readonly Volume[]> {
    const { scope, lookUps, here } = this.#parts
    const subject = query.name === undefined ? 'the list of volumes' : volumeNamed(query.name)
    return said({ subject, action: 'ec2:DescribeVolumes' }, async () => {
      const filters = await this.#filters(query)
      const seen = await lookUps.matching(filters, signal)
      if (query.instanceId !== undefined && query.name === undefined)
        await here.learn(query.instanceId, seen)
      // What an instance starts from is none of its volumes; a name it has been given protects itself.
      const meant = query.name === undefined ? seen.filter((one) => !isRootDisk(one)) : seen
      const volumes = meant.filter((one) => !isGone(one)).map((one) => toVolume(one, scope))
      return scope.prefix === '' ? volumes : volumes.filter(({ name }) => name !== '')
    })
  }

  namesakes(name: string, { zone: asked, signal }: NamesakesOptions = {}): Promise<Namesakes> {
    const { scope, lookUps, identity, namesPerZone } = this.#parts
    return said({ subject: volumeNamed(name), action: 'ec2:DescribeVolumes' }, async () => {
      const { zone } = await identity.get()
      const zones = [...new Set([zone, asked ?? zone])]
      const Values = anyCasePatterns(nameTag(scope, ''), name)
      const filters = [
        { Name: 'tag:Name', Values },
        ...(namesPerZone ? [{ Name: 'availability-zone', Values: zones }] : []),
        ...scopeFilters(scope),
      ]
      const seen = await lookUps.matching(filters, signal)
      const meant = seen
        .filter((one) => !isGone(one))
        .map((one) => toVolume(one, scope))
        .filter((one) => one.name.toLowerCase() === name.toLowerCase())
      const isHere = (one: Volume) => one.zone === zone
      return { here: meant.filter(isHere), elsewhere: meant.filter((one) => !isHere(one)) }
    })
  }

  volume(id: VolumeId, { signal }: CallOptions = {}): Promise<Volume> {
    const { scope, lookUps } = this.#parts
    return said({ subject: volumeNamed(id), action: 'ec2:DescribeVolumes' }, async () => {
      const seen = await lookUps.byId(id, signal)
      if (seen === undefined || isGone(seen)) throw new NotFoundError(volumeNamed(id))
      return toVolume(seen, scope)
    })
  }

  createVolume(spec: VolumeSpec, options: CreateOptions = {}): Promise<Volume> {
    const { scope, identity, encryptionKey } = this.#parts
    return said({ subject: volumeNamed(spec.name), action: 'ec2:CreateVolume' }, async () => {
      const zone = spec.zone ?? (await identity.get()).zone
      const key = spec.encryptionKey ?? (spec.encrypted === true ? encryptionKey : undefined)
      const wanted = { ...spec, zone, ...(key !== undefined && { encryptionKey: key }) }
      return toVolume(await createVolume(this.#parts, wanted, options), scope)
    })
  }

  removeVolume(id: VolumeId, { signal }: CallOptions = {}): Promise<void> {
    return said({ subject: volumeNamed(id), action: 'ec2:DeleteVolume' }, async () => {
      await removeVolume(this.#parts, id, signal)
    })
  }

  attachVolume(
    id: VolumeId,
    to: InstanceId,
    { volumeName, signal }: NamedCallOptions = {},
  ): Promise<VolumeAttachment> {
    const subject = called(id, volumeName)
    return said({ subject, action: 'ec2:AttachVolume' }, () =>
      attachVolume({ ...this.#parts, subject }, id, to, signal),
    )
  }

  detachVolume(id: VolumeId, from: InstanceId, options: DetachOptions = {}): Promise<void> {
    const subject = called(id, options.volumeName)
    return said({ subject, action: 'ec2:DetachVolume' }, () =>
      detachVolume({ ...this.#parts, subject }, id, from, options),
    )
  }

  modifyVolume(id: VolumeId, change: VolumeChange, { signal }: CallOptions = {}): Promise<Volume> {
    return said({ subject: volumeNamed(id), action: 'ec2:ModifyVolume' }, async () =>
      toVolume(await modifyVolume(this.#parts, id, change, signal), this.#parts.scope),
    )
  }

  async #filters({ name, instanceId, anyZone = false }: VolumeQuery): Promise<Filter[]> {
    const { scope, identity, namesPerZone } = this.#parts
    const byName =
      name === undefined
        ? { Name: 'tag-key', Values: ['Name'] }
        : { Name: 'tag:Name', Values: [literal(nameTag(scope, name))] }
    return [
      // What an instance has is wanted whole; it may lack a name.
      ...(instanceId === undefined || name !== undefined ? [byName] : []),
      ...(instanceId === undefined
        ? []
        : [{ Name: 'attachment.instance-id', Values: [instanceId] }]),
      ...(anyZone && !namesPerZone
        ? []
        : [{ Name: 'availability-zone', Values: [(await identity.get()).zone] }]),
      ...scopeFilters(scope),
    ]
  }
}

/** The volume by its name, where that is known, and by its id, which AWS knows it by. */
function called(id: VolumeId, name?: string): string {
  return name === undefined || name === id ? volumeNamed(id) : `${volumeNamed(name)} (${id})`
}

/** Does the work; what EC2 says against it becomes one of our errors. */
async function said<T>(
  asked: { readonly subject: string; readonly action: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asStorageError(error, asked)
  }
}

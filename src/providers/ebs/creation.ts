import {
  CopyVolumesCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
  type Volume as Ec2Volume,
} from '@aws-sdk/client-ec2'
import {
  AlreadyExistsError,
  TimeoutError,
  UnavailableError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import type { VolumeSpec } from '../../libstorage/types.ts'
import { clientToken } from './client-token.ts'
import type { Ec2 } from './ec2.ts'
import { ec2Code, isUnknownOutcome } from './errors.ts'
import type { VolumeLookUps } from './look-ups.ts'
import { literal, nameTag, scopeFilters, type TagScope, tagsOfNew } from './tags.ts'
import { isLiving } from './volume.ts'
import { DEFAULT_VOLUME_TYPE, requirePossible } from './volume-types.ts'
import { lookUntil } from './waits.ts'

/** How far EC2's clock and ours may differ before an answer counts as that to an earlier request, in milliseconds. */
const CLOCK_DIFFERENCE_MS = 60_000
/** The most volumes of one name that EC2 is asked to forget before it is given up. */
const GENERATIONS = 50
/** How long EC2 may not show what it has just made, in milliseconds. */
const UNSEEN_MS = 30_000
/** EBS makes an empty volume in some 1.5 s. */
const PACE = { firstMs: 1_200, nextMs: 400, maxMs: 3_000 }
/** How often a request whose outcome is open is sent again: its token makes that one request. */
const REPEATS = 3

/** What making volumes works with. */
export interface CreationContext {
  readonly ec2: Ec2
  readonly lookUps: VolumeLookUps
  readonly scope: TagScope
  /** How long a volume may take to become available, in milliseconds. */
  readonly timeoutMs: number
}

interface Wanted extends VolumeSpec {
  readonly zone: string
}

/**
 * Makes a volume, and resolves when it is available. Rejects with `AlreadyExistsError` where a living one of that name is
 * in the zone, be it that another machine makes it at this moment.
 */
export async function createVolume(
  context: CreationContext,
  spec: Wanted,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume> {
  const { sizeGiB, iops, throughput, type = DEFAULT_VOLUME_TYPE } = spec
  requirePossible({ type, sizeGiB, iops, throughput })
  for (let generation = 1; generation <= GENERATIONS; generation += 1) {
    const made = await makeGeneration(context, { ...spec, type }, generation, signal)
    if (made !== 'gone') return await awaitAvailable(context, spec, made, signal)
  }
  throw new UnavailableError({
    subject: volumeNamed(spec.name),
    problem: `cannot be made: EC2 still remembers ${GENERATIONS} removed ones of that name`,
    remedy: 'use another name, or try again in some hours',
  })
}

/** One request. `gone`: EC2 answers with a volume that it made for an earlier request and that lives no more. */
async function makeGeneration(
  context: CreationContext,
  spec: Wanted & { type: string },
  generation: number,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume | 'gone'> {
  const askedAt = Date.now()
  let made: Ec2Volume
  try {
    made = await requestVolume(context, spec, generation, signal)
  } catch (error) {
    return await whereOthersWere(context, spec, error, signal)
  }
  const isReplay = (made.CreateTime?.getTime() ?? askedAt) < askedAt - CLOCK_DIFFERENCE_MS
  if (!isReplay) return made
  const seen = await context.lookUps.byId(made.VolumeId ?? '', signal)
  if (seen === undefined || !isLiving(seen)) return 'gone'
  throw takenName(spec.name, seen)
}

/** Another request of this name was there before, or this one came through though the limit is reached now. */
async function whereOthersWere(
  context: CreationContext,
  spec: Wanted,
  refusal: unknown,
  signal: AbortSignal | undefined,
): Promise<'gone'> {
  const code = ec2Code(refusal)
  if (code !== 'IdempotentParameterMismatch' && code !== 'VolumeLimitExceeded') throw refusal
  const named = await livingNamesake(context, spec, signal)
  if (named !== undefined) throw takenName(spec.name, named, refusal)
  if (code === 'VolumeLimitExceeded') throw refusal
  return 'gone'
}

async function requestVolume(
  { ec2, scope }: CreationContext,
  spec: Wanted & { type: string },
  generation: number,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume> {
  const { name, zone, sizeGiB, type, iops, throughput, encryptionKey, source } = spec
  const ClientToken = clientToken({ tag: scope.prefix, zone, name, generation })
  const shape = {
    Size: sizeGiB,
    VolumeType: type as NonNullable<Ec2Volume['VolumeType']>,
    ClientToken,
    TagSpecifications: [{ ResourceType: 'volume' as const, Tags: tagsOfNew(scope, spec) }],
    ...(iops !== undefined && { Iops: iops }),
    ...(throughput !== undefined && { Throughput: throughput }),
    // Who names a key wants encryption.
    ...((spec.encrypted === true || encryptionKey !== undefined) && { Encrypted: true }),
    ...(encryptionKey !== undefined && { KmsKeyId: encryptionKey }),
  }
  if (source?.kind === 'volume') {
    const copy = new CopyVolumesCommand({ ...shape, SourceVolumeId: source.id })
    const { Volumes = [] } = await repeated(() => ec2.send(copy, signal))
    return Volumes[0] ?? {}
  }
  const from = source === undefined ? {} : { SnapshotId: source.id }
  const create = new CreateVolumeCommand({ ...shape, ...from, AvailabilityZone: zone })
  return await repeated(() => ec2.send(create, signal))
}

/** The token makes one request of them all. */
async function repeated<T>(send: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send()
    } catch (error) {
      if (attempt === REPEATS || !isUnknownOutcome(error)) throw error
    }
  }
}

async function awaitAvailable(
  context: CreationContext,
  { name, encrypted, encryptionKey }: Wanted,
  made: Ec2Volume,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume> {
  const id = made.VolumeId ?? ''
  const begun = performance.now()
  let wasSeen = false
  const available = await lookUntil(
    async () => {
      const seen = await context.lookUps.byId(id, signal)
      if (seen === undefined) {
        if (wasSeen || performance.now() - begun > UNSEEN_MS) throw vanished(name, id)
        return undefined
      }
      wasSeen = true
      if (seen.State === 'creating') return undefined
      if (isLiving(seen)) return seen
      if (seen.State === 'error') await context.ec2.send(new DeleteVolumeCommand({ VolumeId: id }))
      throw vanished(name, id)
    },
    { ...PACE, timeoutMs: context.timeoutMs },
    signal,
  )
  if (available !== undefined) return available
  throw new TimeoutError({
    subject: volumeNamed(name),
    problem: `is made as ${id}, but EC2 still says creating after ${context.timeoutMs / 1_000} s`,
    remedy: 'try again, which goes on with it',
  })

  function vanished(volume: string, volumeId: string): UnavailableError {
    const keyed = encrypted === true || encryptionKey !== undefined
    return new UnavailableError({
      subject: volumeNamed(volume),
      problem: `was accepted by EC2 as ${volumeId} and then given up by it`,
      remedy: keyed
        ? 'see whether its KMS key is enabled and the caller may use it (kms:CreateGrant, kms:GenerateDataKeyWithoutPlaintext)'
        : 'see whether the account encrypts by default with a KMS key that the caller may not use',
    })
  }
}

async function livingNamesake(
  { lookUps, scope }: CreationContext,
  { name, zone }: Wanted,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume | undefined> {
  const found = await lookUps.matching(
    [
      { Name: 'tag:Name', Values: [literal(nameTag(scope, name))] },
      { Name: 'availability-zone', Values: [zone] },
      ...scopeFilters(scope),
    ],
    signal,
  )
  return found.find(isLiving)
}

function takenName(name: string, { VolumeId }: Ec2Volume, cause?: unknown): AlreadyExistsError {
  return new AlreadyExistsError({
    subject: volumeNamed(name),
    problem: `exists already as ${VolumeId}`,
    remedy: 'use it, or choose another name',
    cause,
  })
}

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
import { lookUntil, type UsualTime } from './waits.ts'

/** How far EC2's clocks may differ before an answer surely is that to an earlier request, in milliseconds. */
const CLOCK_DIFFERENCE_MS = 60_000
/**
 * What is older than this by EC2's own clock was probably made for an earlier request, in milliseconds. None that we made
 * before is younger, since we wait longer than this for each.
 */
const LIKELY_DIFFERENCE_MS = 1_000
/** The most volumes of one name that EC2 is asked to forget before it is given up. */
const GENERATIONS = 50
/** How long EC2 may not show what it has just made, in milliseconds; one made for an earlier request it would show sooner. */
const UNSEEN_MS = 30_000
const UNSEEN_EARLIER_MS = 5_000
/** EBS makes an empty volume in some 1.5 s. */
const PACE = { firstMs: 1_200, nextMs: 400, maxMs: 3_000 }
/** A volume made a moment ago may not show by its name yet. */
const NAMESAKE_PACE = { firstMs: 0, nextMs: 1_000, maxMs: 2_000 }
const NAMESAKE_MS = 6_000
/** How often a request whose outcome is open is sent again: its token makes that one request. */
const REPEATS = 3

/** What making volumes works with. */
export interface CreationContext {
  readonly ec2: Ec2
  readonly lookUps: VolumeLookUps
  readonly scope: TagScope
  /** How long a volume may take to become available, in milliseconds. */
  readonly timeoutMs: number
  /** What all pauses are multiplied by. */
  readonly pace: number
  /** How long EC2 takes to make an empty volume. */
  readonly usualMaking: UsualTime
}

/** What EC2 answered with. */
interface Made {
  readonly volume: Ec2Volume
  /** Whether it was probably made for an earlier request of the same token, and may be gone by now. */
  readonly isEarlier: boolean
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
    const available = made && (await awaitAvailable(context, spec, made, signal))
    if (available !== undefined) return available
  }
  throw new UnavailableError({
    subject: volumeNamed(spec.name),
    problem: `cannot be made: EC2 still remembers ${GENERATIONS} removed ones of that name`,
    remedy: 'use another name, or try again in some hours',
  })
}

/** One request; undefined where EC2 answers with a volume that it made for an earlier one and that lives no more. */
async function makeGeneration(
  context: CreationContext,
  spec: Wanted & { type: string },
  generation: number,
  signal: AbortSignal | undefined,
): Promise<Made | undefined> {
  const begun = performance.now()
  let volume: Ec2Volume
  try {
    volume = await requestVolume(context, spec, generation, signal)
  } catch (error) {
    return await whereOthersWere(context, spec, error, signal)
  }
  const askedAt = context.ec2.now() - (performance.now() - begun)
  const madeAt = volume.CreateTime?.getTime() ?? askedAt
  if (madeAt >= askedAt - CLOCK_DIFFERENCE_MS)
    return { volume, isEarlier: madeAt < askedAt - LIKELY_DIFFERENCE_MS * context.pace }
  const seen = await context.lookUps.byId(volume.VolumeId ?? '', signal)
  if (seen === undefined || !isLiving(seen)) return undefined
  throw takenName(spec.name, seen)
}

/** Another request of this name was there before, or this one came through though the limit is reached now. */
async function whereOthersWere(
  context: CreationContext,
  spec: Wanted,
  refusal: unknown,
  signal: AbortSignal | undefined,
): Promise<undefined> {
  const code = ec2Code(refusal)
  if (code !== 'IdempotentParameterMismatch' && code !== 'VolumeLimitExceeded') throw refusal
  const named = await lookUntil(
    () => livingNamesake(context, spec, signal),
    NAMESAKE_PACE,
    { timeoutMs: NAMESAKE_MS * context.pace, pace: context.pace },
    signal,
  )
  if (named !== undefined) throw takenName(spec.name, named, refusal)
  if (code === 'VolumeLimitExceeded') throw refusal
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

/** The volume when it can be used; undefined where it turns out to be an earlier one that lives no more. */
async function awaitAvailable(
  context: CreationContext,
  spec: Wanted,
  { volume, isEarlier }: Made,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume | undefined> {
  const id = volume.VolumeId ?? ''
  const unseenUntil = performance.now() + (isEarlier ? UNSEEN_EARLIER_MS : UNSEEN_MS) * context.pace
  let before: Ec2Volume | undefined
  const outcome = await lookUntil(
    async () => {
      const seen = await context.lookUps.byId(id, signal)
      if (seen === undefined && before === undefined)
        return performance.now() < unseenUntil ? undefined : 'gone'
      if (seen?.State === 'creating') {
        before = seen
        return undefined
      }
      return seen !== undefined && isLiving(seen) ? seen : (seen?.State ?? 'gone')
    },
    PACE,
    { ...context, ...(spec.source === undefined && { usual: context.usualMaking }) },
    signal,
  )
  if (typeof outcome === 'object') return outcome
  if (outcome === undefined) throw stillCreating(spec.name, id, context)
  const isLeft = outcome === 'error' && !(await isDeleted(context, id))
  // One in error that cannot be deleted keeps its token; any other is gone at the repeat.
  const isOver = outcome === 'error' ? isLeft && isEarlier : isEarlier || /^delet/.test(outcome)
  if (before !== undefined || !isOver) throw givenUp(spec, id, isLeft)
  return undefined
}

/** What is in error is no use to anybody. */
function isDeleted({ ec2 }: CreationContext, id: string): Promise<boolean> {
  return ec2.send(new DeleteVolumeCommand({ VolumeId: id })).then(
    () => true,
    () => false,
  )
}

function stillCreating(name: string, id: string, { timeoutMs }: CreationContext): TimeoutError {
  return new TimeoutError({
    subject: volumeNamed(name),
    problem: `is made as ${id}, but EC2 still says creating after ${timeoutMs / 1_000} s`,
    remedy: 'try again, which goes on with it',
  })
}

/** Keys are looked at after EC2 has accepted a volume, so that it says nothing of them. */
function givenUp(
  { name, encrypted, encryptionKey }: Wanted,
  id: string,
  isLeft: boolean,
): UnavailableError {
  const isKeyed = encrypted === true || encryptionKey !== undefined
  const remedy = isKeyed
    ? 'see whether its KMS key is enabled and the caller may use it (kms:CreateGrant, kms:GenerateDataKeyWithoutPlaintext)'
    : 'see whether the account encrypts by default with a KMS key that the caller may not use'
  return new UnavailableError({
    subject: volumeNamed(name),
    problem: `was accepted by EC2 as ${id} and then given up by it`,
    remedy: isLeft ? `${remedy}, and delete ${id}` : remedy,
  })
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

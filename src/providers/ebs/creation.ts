import {
  CopyVolumesCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
  type Volume as Ec2Volume,
} from '@aws-sdk/client-ec2'
import {
  FailedPreconditionError,
  TimeoutError,
  UnavailableError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import type { CreateOptions } from '../../libstorage/storage-driver.ts'
import type { VolumeSpec } from '../../libstorage/types.ts'
import { clientToken } from './client-token.ts'
import type { Ec2 } from './ec2.ts'
import { ec2Code, isUnknownOutcome } from './errors.ts'
import type { VolumeLookUps } from './look-ups.ts'
import { askUntil, type Tempo } from './patience.ts'
import { type TagScope, tagsOfNew } from './tags.ts'
import { namesakeWithin, takenName } from './taken-name.ts'
import type { TokenMemory } from './token-memory.ts'
import type { UsualTime } from './usual-time.ts'
import { HIDDEN_MS, isLiving, UNSEEN } from './volume.ts'
import { DEFAULT_VOLUME_TYPE, requirePossible } from './volume-types.ts'

/** How far EC2's clocks may differ before an answer surely is that to an earlier request, in milliseconds. */
const CLOCK_DIFFERENCE_MS = 60_000
/**
 * What is older than this by EC2's own clock was probably made for an earlier request, in milliseconds. None that we made
 * before is younger, since we wait longer than this for each.
 */
const LIKELY_DIFFERENCE_MS = 1_000
/** The most volumes of one name that EC2 is asked to forget before it is given up. */
const GENERATIONS = 50
/** EBS makes an empty volume in some 1.5 s. */
const PACE = { firstMs: 1_200, nextMs: 400, maxMs: 3_000 }
/**
 * How long a name is looked for, in milliseconds, whose token EC2 knows with other parameters: its volume may be hidden still,
 * or be gone for hours, which EC2 does not tell. The Create of a managed plugin ends after 25 s. It is so long for two such
 * tokens of a Create, and then less, so that it comes to its end where several such volumes are gone.
 */
const NAMESAKE_MS = 18_000
const NAMESAKES_MS = 2 * NAMESAKE_MS
const NAMESAKE_LEAST_MS = 6_000
/** How often a request whose outcome is open is sent again: its token makes that one request. */
const REPEATS = 3

/** What making volumes works with. */
export interface CreationContext extends Tempo {
  readonly ec2: Ec2
  readonly lookUps: VolumeLookUps
  readonly tokens: TokenMemory
  readonly scope: TagScope
  /** How long EC2 takes to make an empty volume. */
  readonly usualMaking: UsualTime
}

/** What EC2 answered with. */
interface Made {
  readonly volume: Ec2Volume
  /** Whether it was probably made for an earlier request of the same token, and may be gone by now. */
  readonly isEarlier: boolean
  /** For how long it may be that EC2 has it and does not show it, in milliseconds. */
  readonly hiddenMs: number
}

interface Wanted extends VolumeSpec {
  readonly zone: string
}

/** One request of a Create. */
interface Request {
  readonly token: string
  /** When the Create began, as `performance.now()` has it. */
  readonly since: number
}

/**
 * Makes a volume, and resolves when it is available. Rejects with `AlreadyExistsError` where a living one of that name is
 * in the zone, be it that another machine makes it at this moment.
 */
export async function createVolume(
  context: CreationContext,
  spec: Wanted,
  { signal, accepted }: CreateOptions = {},
): Promise<Ec2Volume> {
  const { sizeGiB, iops, throughput, type = DEFAULT_VOLUME_TYPE } = spec
  requirePossible({ type, sizeGiB, iops, throughput })
  await requireSameZone(context, spec, signal)
  const { name, zone } = spec
  const since = performance.now()
  for (let generation = 1; generation <= GENERATIONS; generation += 1) {
    const token = clientToken({ tag: context.scope.prefix, zone, name, generation })
    const made = await makeGeneration(context, { ...spec, type }, { token, since }, signal)
    // EC2 copies what its source was at that moment (EBS User Guide, "Copy an Amazon EBS volume").
    if (made?.isEarlier === false) await accepted?.()
    const available = made && (await awaitAvailable(context, spec, made, signal))
    if (available !== undefined) return available
  }
  throw new UnavailableError({
    subject: volumeNamed(spec.name),
    problem: `cannot be made: EC2 still remembers ${GENERATIONS} removed ones of that name`,
    remedy: 'use another name, or try again in some hours',
  })
}

/** EC2 copies a volume within its zone, and takes no other: in one that nobody looks at, the copy would be nobody's. */
async function requireSameZone(
  { lookUps }: CreationContext,
  { name, zone, source }: Wanted,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (source?.kind !== 'volume') return
  const there = source.zone ?? (await lookUps.byId(source.id, signal))?.AvailabilityZone ?? zone
  if (there === zone) return
  throw new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `cannot be made in ${zone} as a copy of ${source.id}, which is in ${there}`,
    remedy: 'take a snapshot of that, and make the volume from the snapshot',
  })
}

/** Makes it, unless EC2 answers with a volume that it made for an earlier request and that lives no more: undefined. */
async function makeGeneration(
  context: CreationContext,
  spec: Wanted & { type: string },
  request: Request,
  signal: AbortSignal | undefined,
): Promise<Made | undefined> {
  const { tokens, pace } = context
  const { clock } = context.ec2
  const begun = performance.now()
  let volume: Ec2Volume
  try {
    volume = await requestVolume(context, spec, request, signal)
  } catch (error) {
    return await whereOthersWere(context, spec, { ...request, refusal: error }, signal)
  }
  const { VolumeId: id = '' } = volume
  // It may be shown for a moment still.
  if (tokens.isGone(id)) return undefined
  const askedAt = clock.now() - (performance.now() - begun)
  const madeAt = volume.CreateTime?.getTime() ?? askedAt
  if (madeAt >= askedAt - CLOCK_DIFFERENCE_MS) {
    const isEarlier = madeAt < askedAt - LIKELY_DIFFERENCE_MS * pace
    if (!isEarlier) tokens.made(request.token, id)
    const hiddenMs = HIDDEN_MS * pace - clock.pastAtLeast(madeAt)
    return { volume, isEarlier, hiddenMs: Math.max(hiddenMs, UNSEEN.forMs * pace) }
  }
  const seen = await context.lookUps.byId(id, signal)
  if (seen === undefined || !isLiving(seen)) return undefined
  throw takenName(spec.name, seen)
}

/** Another request of this name was there before, or this one came through though the limit is reached now. */
async function whereOthersWere(
  context: CreationContext,
  spec: Wanted,
  { token, since, refusal }: Request & { readonly refusal: unknown },
  signal: AbortSignal | undefined,
): Promise<undefined> {
  const isMismatch = ec2Code(refusal) === 'IdempotentParameterMismatch'
  if (!isMismatch && ec2Code(refusal) !== 'VolumeLimitExceeded') throw refusal
  if (isMismatch && context.tokens.isSpent(token)) return
  const leftMs = isMismatch ? NAMESAKES_MS - (performance.now() - since) / context.pace : 0
  const wholeMs = Math.max(NAMESAKE_LEAST_MS, Math.min(NAMESAKE_MS, leftMs))
  // A repeat goes on where its caller had to leave.
  const pastMs = isMismatch ? context.tokens.refused(token) / context.pace : 0
  const named = await namesakeWithin(context, spec, Math.max(0, wholeMs - pastMs), signal)
  if (named !== undefined) throw takenName(spec.name, named, refusal)
  if (!isMismatch) throw refusal
}

async function requestVolume(
  { ec2, scope }: CreationContext,
  spec: Wanted & { type: string },
  { token: ClientToken }: Request,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume> {
  const { zone, sizeGiB, type, iops, throughput, encryptionKey, source } = spec
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
  { volume, isEarlier, hiddenMs }: Made,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume | undefined> {
  const id = volume.VolumeId ?? ''
  let unseenUntil = performance.now() + hiddenMs
  let wasSeen = false
  const outcome = await askUntil(
    async () => {
      const isLast = performance.now() >= unseenUntil
      const seen = await context.lookUps.byId(id, signal)
      if (seen === undefined) return isLast ? 'gone' : undefined
      if (seen.State !== 'creating') return isLiving(seen) ? seen : (seen.State ?? 'gone')
      wasSeen = true
      unseenUntil = performance.now() + UNSEEN.forMs * context.pace
      return undefined
    },
    { ...PACE, ...(spec.source === undefined && { usual: context.usualMaking }) },
    context,
    signal,
  )
  if (typeof outcome === 'object') return outcome
  if (outcome === undefined) throw stillCreating(spec.name, id, context)
  const isLeft = outcome === 'error' && !(await isDeleted(context, id))
  // One in error that cannot be deleted keeps its token; any other is gone at the repeat.
  const isOver = outcome === 'error' ? isLeft && isEarlier : isEarlier || /^delet/.test(outcome)
  const isGone = isOver && !wasSeen
  if (isGone || outcome !== 'gone') context.tokens.left(id)
  if (isGone) return undefined
  throw givenUp(spec, id, isLeft)
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

import { InvalidArgumentError } from '../../libstorage/errors.ts'
import { nearest } from '../../libstorage/nearest.ts'

interface Range {
  readonly min: number
  readonly max: number
}

interface VolumeTypeRules {
  readonly sizeGiB: Range
  /** Absent where the type takes none. */
  readonly iops?: Range & { readonly required: boolean; readonly perGiB: number }
  /** MiB/s; absent where the type takes none. */
  readonly throughput?: Range
}

/** What EC2 allows each type of volume (Amazon EBS User Guide, "Amazon EBS volume types"). */
const RULES: Readonly<Record<string, VolumeTypeRules>> = {
  gp3: {
    sizeGiB: { min: 1, max: 65_536 },
    iops: { min: 3_000, max: 80_000, required: false, perGiB: 500 },
    throughput: { min: 125, max: 2_000 },
  },
  gp2: { sizeGiB: { min: 1, max: 16_384 } },
  io2: {
    sizeGiB: { min: 4, max: 65_536 },
    iops: { min: 100, max: 256_000, required: true, perGiB: 1_000 },
  },
  io1: {
    sizeGiB: { min: 4, max: 16_384 },
    iops: { min: 100, max: 64_000, required: true, perGiB: 50 },
  },
  st1: { sizeGiB: { min: 125, max: 16_384 } },
  sc1: { sizeGiB: { min: 125, max: 16_384 } },
  standard: { sizeGiB: { min: 1, max: 1_024 } },
}

/** The type of a volume for which none is asked. */
export const DEFAULT_VOLUME_TYPE = 'gp3'
/** The most IOPS that gp3 allows for each GiB is not below its own baseline. */
const BASELINE_IOPS = 3_000

/** What a volume of EBS is asked to be. */
export interface VolumeShape {
  readonly type: string
  readonly sizeGiB: number
  readonly iops?: number | undefined
  /** MiB/s. */
  readonly throughput?: number | undefined
}

/** Throws `InvalidArgumentError` that names the option and the range allowed, before EC2 is asked. */
export function requirePossible(shape: VolumeShape): void {
  const rules = rulesOf(shape.type)
  requireWithin('size', shape.sizeGiB, rules.sizeGiB, `GiB for type ${shape.type}`)
  requireIops(shape, rules)
  requireThroughput(shape, rules)
}

function rulesOf(type: string): VolumeTypeRules {
  const rules = Object.hasOwn(RULES, type) ? RULES[type] : undefined
  if (rules !== undefined) return rules
  const names = Object.keys(RULES)
  const meant = nearest(type, names)
  throw new InvalidArgumentError({
    subject: 'option type',
    problem: `is ${JSON.stringify(type)}, which EBS does not have`,
    remedy: meant === undefined ? `use one of ${names.join(', ')}` : `did you mean ${meant}?`,
  })
}

function requireIops(
  { type, sizeGiB, iops }: VolumeShape,
  { iops: allowed }: VolumeTypeRules,
): void {
  if (allowed === undefined) refuseExtra('iops', iops, type)
  if (allowed === undefined || (iops === undefined && !allowed.required)) return
  if (iops === undefined) {
    throw new InvalidArgumentError({
      subject: 'option iops',
      problem: `is missing, and type ${type} has no default`,
      remedy: `say a number from ${allowed.min} to ${allowed.max}`,
    })
  }
  requireWithin('iops', iops, allowed, `for type ${type}`)
  const most = Math.max(BASELINE_IOPS, sizeGiB * allowed.perGiB)
  const max = allowed.required ? sizeGiB * allowed.perGiB : most
  requireWithin('iops', iops, { min: allowed.min, max }, `for ${sizeGiB} GiB of type ${type}`)
}

function requireThroughput(
  { type, iops = BASELINE_IOPS, throughput }: VolumeShape,
  { throughput: allowed }: VolumeTypeRules,
): void {
  if (allowed === undefined) refuseExtra('throughput', throughput, type)
  if (allowed === undefined || throughput === undefined) return
  requireWithin('throughput', throughput, allowed, `MiB/s for type ${type}`)
  const max = Math.floor(iops / 4)
  requireWithin(
    'throughput',
    throughput,
    { min: allowed.min, max },
    `MiB/s with ${iops} IOPS: a quarter of them is the most`,
  )
}

function refuseExtra(option: string, value: number | undefined, type: string): void {
  if (value === undefined) return
  const able = Object.entries(RULES).filter(([, rules]) => option in rules)
  throw new InvalidArgumentError({
    subject: `option ${option}`,
    problem: `means nothing for type ${type}`,
    remedy: `leave it out, or use type ${able.map(([name]) => name).join(' or ')}`,
  })
}

function requireWithin(option: string, value: number, { min, max }: Range, of: string): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw new InvalidArgumentError({
    subject: `option ${option}`,
    problem: `is ${value}`,
    remedy: `use a whole number from ${min} to ${max} ${of}`,
  })
}

import { ApiError } from './api-error.ts'
import type { SimShape } from './resources.ts'

interface Rules {
  readonly size: readonly [number, number]
  readonly iops?: { readonly min: number; readonly max: number; readonly perGiB: number }
  readonly iopsNeeded?: boolean
  readonly throughput?: readonly [number, number]
}

/** What EC2 allows (EBS User Guide, volume types), written apart from the provider's own table. */
const TYPES: Readonly<Record<string, Rules>> = {
  gp3: {
    size: [1, 65_536],
    iops: { min: 3_000, max: 80_000, perGiB: 500 },
    throughput: [125, 2_000],
  },
  gp2: { size: [1, 16_384] },
  io1: { size: [4, 16_384], iops: { min: 100, max: 64_000, perGiB: 50 }, iopsNeeded: true },
  io2: { size: [4, 65_536], iops: { min: 100, max: 256_000, perGiB: 1_000 }, iopsNeeded: true },
  st1: { size: [125, 16_384] },
  sc1: { size: [125, 16_384] },
  standard: { size: [1, 1_024] },
}

/** Throws EC2's refusal of a volume that cannot be, and fills in what the type has of itself. */
export function shaped(shape: SimShape): SimShape {
  const rules = TYPES[shape.type]
  if (rules === undefined)
    throw new ApiError(
      'UnknownVolumeType',
      `Unsupported volume type '${shape.type}' for volume creation.`,
    )
  const [min, max] = rules.size
  if (shape.sizeGiB < min || shape.sizeGiB > max)
    throw new ApiError(
      'InvalidParameterValue',
      `Volume of ${shape.sizeGiB}GiB is ${shape.sizeGiB < min ? 'smaller than the minimum' : 'larger than the maximum'} size of ${shape.sizeGiB < min ? min : max}GiB for volume type ${shape.type}`,
    )
  requireIops(shape, rules)
  requireThroughput(shape, rules)
  if (shape.type === 'gp3')
    return { ...shape, iops: shape.iops ?? 3_000, throughput: shape.throughput ?? 125 }
  return shape.type === 'gp2'
    ? { ...shape, iops: Math.min(16_000, Math.max(100, 3 * shape.sizeGiB)) }
    : shape
}

function requireIops(
  { type, sizeGiB, iops }: SimShape,
  { iops: allowed, iopsNeeded = false }: Rules,
): void {
  if (iops === undefined && iopsNeeded)
    throw new ApiError(
      'MissingParameter',
      `The request must contain the parameter iops for volume type ${type}`,
    )
  if (iops === undefined) return
  if (allowed === undefined)
    throw new ApiError(
      'InvalidParameterCombination',
      `The parameter iops is not supported for ${type} volumes.`,
    )
  if (iops < allowed.min)
    throw outOf(`Volume iops of ${iops} is too low; minimum is ${allowed.min}.`)
  if (iops > allowed.max)
    throw outOf(`Volume iops of ${iops} is too high; maximum is ${allowed.max}.`)
  if (iops > Math.max(allowed.perGiB * sizeGiB, type === 'gp3' ? 3_000 : 0))
    throw outOf(
      `Iops to volume size ratio of ${iops / sizeGiB} is too high; maximum is ${allowed.perGiB}`,
    )
}

function outOf(message: string): ApiError {
  return new ApiError('InvalidParameterValue', message)
}

function requireThroughput(
  { type, iops = 3_000, throughput }: SimShape,
  { throughput: allowed }: Rules,
): void {
  if (throughput === undefined) return
  if (allowed === undefined)
    throw new ApiError(
      'InvalidParameterCombination',
      `The parameter throughput is not supported for ${type} volumes.`,
    )
  if (throughput < allowed[0] || throughput > allowed[1])
    throw new ApiError(
      'InvalidParameterValue',
      `Volume throughput of ${throughput} MiB/s is out of range ${allowed[0]}-${allowed[1]}.`,
    )
  if (throughput > iops / 4)
    throw new ApiError(
      'InvalidParameterValue',
      `Throughput (MiBps) to iops ratio of ${throughput / iops} is too high; maximum is 0.250000 MiBps per iops`,
    )
}

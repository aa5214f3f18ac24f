import { describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../../src/libstorage/errors.ts'
import { requirePossible, type VolumeShape } from '../../../src/providers/ebs/volume-types.ts'

const possible: readonly VolumeShape[] = [
  { type: 'gp3', sizeGiB: 1 },
  { type: 'gp3', sizeGiB: 65_536, iops: 80_000, throughput: 2_000 },
  { type: 'gp3', sizeGiB: 1, iops: 3_000, throughput: 750 },
  { type: 'gp3', sizeGiB: 160, iops: 80_000 },
  { type: 'gp2', sizeGiB: 16_384 },
  { type: 'io1', sizeGiB: 4, iops: 200 },
  { type: 'io2', sizeGiB: 256, iops: 256_000 },
  { type: 'st1', sizeGiB: 125 },
  { type: 'sc1', sizeGiB: 16_384 },
  { type: 'standard', sizeGiB: 1_024 },
]
test.each(possible)('%j is possible', (shape) => {
  expect(() => requirePossible(shape)).not.toThrow()
})

const impossible: readonly (readonly [VolumeShape, RegExp])[] = [
  [
    { type: 'gp3', sizeGiB: 0 },
    /option size is 0, use a whole number from 1 to 65536 GiB for type gp3/,
  ],
  [{ type: 'gp3', sizeGiB: 1.5 }, /option size is 1.5/],
  [{ type: 'gp2', sizeGiB: 16_385 }, /from 1 to 16384 GiB for type gp2/],
  [{ type: 'st1', sizeGiB: 124 }, /from 125 to 16384/],
  [{ type: 'standard', sizeGiB: 1_025 }, /from 1 to 1024/],
  [{ type: 'gp3', sizeGiB: 1, iops: 2_999 }, /option iops is 2999/],
  [{ type: 'gp3', sizeGiB: 1, iops: 3_001 }, /from 3000 to 3000 for 1 GiB of type gp3/],
  [{ type: 'gp3', sizeGiB: 1_000, throughput: 751 }, /a quarter of them is the most/],
  [{ type: 'gp3', sizeGiB: 1_000, iops: 10_000, throughput: 2_001 }, /from 125 to 2000 MiB/],
  [
    { type: 'gp2', sizeGiB: 1, iops: 3_000 },
    /option iops means nothing for type gp2, leave it out, or use type gp3 or io2 or io1/,
  ],
  [
    { type: 'io2', sizeGiB: 4, iops: 100, throughput: 200 },
    /option throughput means nothing for type io2/,
  ],
  [{ type: 'io2', sizeGiB: 4 }, /option iops is missing, and type io2 has no default/],
  [{ type: 'io1', sizeGiB: 4, iops: 201 }, /from 100 to 200 for 4 GiB of type io1/],
  [{ type: 'gp', sizeGiB: 4 }, /"gp", which EBS does not have, did you mean gp/],
  [{ type: 'constructor', sizeGiB: 4 }, /which EBS does not have/],
]
describe('what EBS does not have is refused by the name of the option and what is allowed', () => {
  test.each(impossible)('%j', (shape, said) => {
    expect(() => requirePossible(shape)).toThrow(InvalidArgumentError)
    expect(() => requirePossible(shape)).toThrow(said)
  })
})

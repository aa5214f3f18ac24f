import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  FailedPreconditionError,
  NotFoundError,
  PermissionDeniedError,
  ResourceExhaustedError,
} from '../../../src/libstorage/errors.ts'
import { copiesIn, copyBy, EbsCopyWorld, inFact, KEY } from '../../support/ebs-copy-world.ts'
import { eventually } from '../../support/eventually.ts'

let there: EbsCopyWorld
afterEach(() => there.close())

describe('a copy', () => {
  beforeEach(async () => {
    there = await EbsCopyWorld.open()
  })

  test('is one of the volume that its original was taken of, and complete later', async () => {
    const { id, volumeId } = await there.taken({ sizeGiB: 2 })
    const made = await there.copy(id, { labels: { fstype: 'xfs' } })
    expect(made).toMatchObject({ name: 'keep', volumeId, sizeGiB: 2, state: 'pending', copyOf: id })
    expect(made.labels).toEqual({ fstype: 'xfs' })
    expect(inFact(there.simulator, made.id).description).toBe(`copy of ${id} in us-east-1`)
    const driver = await there.process()
    await eventually(async () =>
      expect(await driver.list({ name: 'keep' })).toEqual([{ ...made, state: 'complete' }]),
    )
  })

  test('of a copy is of that volume too, and all of them are found by it', async () => {
    const { id, volumeId } = await there.taken()
    const other = await there.taken({}, 'other')
    const first = await there.copy(id)
    await eventually(() => expect(inFact(there.simulator, first.id).state).toBe('completed'))
    const second = await there.copy(first.id, { name: 'second' })
    expect(second).toMatchObject({ volumeId, copyOf: first.id })
    const driver = await there.process()
    const ids = async (query: object) => (await driver.list(query)).map((one) => one.id).sort()
    expect(await ids({ volumeId })).toEqual([id, first.id, second.id].sort())
    expect(await ids({ volumeId, name: 'second' })).toEqual([second.id])
    expect(await ids({ volumeId: other.volumeId })).toEqual([other.id])
    expect(await ids({ volumeId: 'vol-ffffffff' })).toEqual([])
  })

  test('costs one request and three look-ups; only a list of one volume costs two', async () => {
    const { id, volumeId } = await there.taken()
    const driver = await there.process()
    there.simulator.takeCounts()
    await copyBy(driver, id)
    expect(there.simulator.takeCounts()).toEqual({ DescribeSnapshots: 3, CopySnapshot: 1 })
    await driver.list({ volumeId })
    expect(there.simulator.takeCounts()).toEqual({ DescribeSnapshots: 2 })
    await driver.list({ name: 'keep' })
    expect(there.simulator.takeCounts()).toEqual({ DescribeSnapshots: 1 })
  })

  test('of a snapshot that is not there, or of no id at all, is refused', async () => {
    for (const id of ['snap-0aaaaaaaaaaaaaaaa', '../x', '*', ''])
      await expect(there.copy(id)).rejects.toThrow(NotFoundError)
    expect(there.simulator.count('CopySnapshot')).toBe(0)
  })

  test.each([['CopySnapshot'], ['DescribeSnapshots']])(
    'that the policy of the caller does not allow names ec2:%s',
    async (action) => {
      const { id } = await there.taken()
      there.simulator.region.denied.add(action)
      const refused = there.copy(id)
      await expect(refused).rejects.toThrow(PermissionDeniedError)
      await expect(refused).rejects.toThrow(`ec2:${action}: UnauthorizedOperation`)
    },
  )

  test('beyond those that EC2 makes at once is refused with its way out', async () => {
    there.simulator.region.limits.snapshotCopies = 0
    const { id } = await there.taken()
    const refused = there.copy(id)
    await expect(refused).rejects.toThrow(ResourceExhaustedError)
    await expect(refused).rejects.toThrow(/limit is 0 for this destination .*, wait for copies/)
  })

  test('keeps the names of one installation apart from those of another', async () => {
    const { id } = await there.taken()
    const blue = await there.process(there.world.here, { tag: 'blue', rexrayTag: 'b' })
    const green = await there.process(there.world.here, { tag: 'green', rexrayTag: 'g' })
    const made = [await copyBy(blue, id), await copyBy(green, id)]
    expect(made.map(({ name }) => name)).toEqual(['keep', 'keep'])
    expect((await copyBy(green, id)).id).toBe(made[1]?.id)
    expect(copiesIn(there.simulator)).toHaveLength(2)
  })
})

test('a copy of a snapshot that is not whole is refused before EC2 is asked for it', async () => {
  there = await EbsCopyWorld.open({ snapshot: 60_000 })
  const { id } = await there.taken()
  there.become(id, 'pending')
  await expect(there.copy(id)).rejects.toThrow(FailedPreconditionError)
  await expect(there.copy(id)).rejects.toThrow(
    /^snapshot snap-\w+ is not complete yet \(20%\), copy/,
  )
  there.become(id, 'error')
  await expect(there.copy(id)).rejects.toThrow(/is in state error on EBS, copy another one/)
  expect(there.simulator.count('CopySnapshot')).toBe(0)
})

describe('encryption', () => {
  test('is kept by a copy beside its original, with the same key', async () => {
    there = await EbsCopyWorld.open()
    const { region } = there.simulator
    region.keys.set(KEY, 'usable')
    const { id } = await there.taken({ encrypted: true, encryptionKey: KEY })
    const driver = await there.process(there.world.here, { kmsKeyID: 'alias/other' })
    const made = await copyBy(driver, id)
    expect(inFact(there.simulator, made.id)).toMatchObject({ encrypted: true, kmsKeyId: KEY })
  })

  test('is not asked for where the original has none', async () => {
    there = await EbsCopyWorld.open()
    const { id } = await there.taken()
    const made = await copyBy(await there.process(there.world.here, { kmsKeyID: KEY }), id)
    expect(inFact(there.simulator, made.id)).toMatchObject({
      encrypted: false,
      kmsKeyId: undefined,
    })
  })

  test('with a key that may not be used any more is said, and leaves nothing', async () => {
    there = await EbsCopyWorld.open({ tagLag: 60 })
    const { region } = there.simulator
    region.keys.set(KEY, 'usable')
    const { id } = await there.taken({ encrypted: true, encryptionKey: KEY })
    region.keys.set(KEY, 'error')
    await expect(there.copy(id)).rejects.toThrow(
      /was accepted by EC2 as snap-\w+ and then given up by it \(Given key ID is not accessible\), see whether/,
    )
    expect(copiesIn(there.simulator)).toEqual([])
  })
})

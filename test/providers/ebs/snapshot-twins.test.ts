import { afterEach, describe, expect, test } from 'vitest'
import { AbortedError, UnavailableError } from '../../../src/libstorage/errors.ts'
import { copiesIn, copyBy, EbsCopyWorld, inFact } from '../../support/ebs-copy-world.ts'
import { eventually } from '../../support/eventually.ts'

let there: EbsCopyWorld
afterEach(() => there.close())

describe('a copy that is asked for more than once', () => {
  test('is made once, whoever asks; by another name it is another', async () => {
    there = await EbsCopyWorld.open()
    const { id } = await there.taken()
    const first = await there.copy(id)
    expect((await there.copy(id)).id).toBe(first.id)
    expect((await copyBy(await there.process(there.world.there), id)).id).toBe(first.id)
    expect(copiesIn(there.simulator)).toEqual([first.id])
    expect((await there.copy(id, { name: 'other' })).id).not.toBe(first.id)
    const unnamed = await there.copy(id, { name: '' })
    expect(unnamed.name).toBe('')
    expect((await there.copy(id, { name: '' })).id).toBe(unnamed.id)
    expect(copiesIn(there.simulator)).toHaveLength(3)
  })

  test('and whose reply was lost is the one that was made', async () => {
    there = await EbsCopyWorld.open()
    const { id } = await there.taken()
    there.simulator.faults.next('CopySnapshot', { kind: 'drop', when: 'after' })
    const made = await there.copy(id)
    expect(copiesIn(there.simulator)).toEqual([made.id])
    expect(there.simulator.count('CopySnapshot')).toBe(1)
  })

  test('and whose reply was lost is found also where EC2 shows it late', async () => {
    there = await EbsCopyWorld.open({ lag: 60, tagLag: 60 })
    const { id } = await there.taken()
    const driver = await there.process()
    await eventually(async () => expect((await driver.list())[0]?.state).toBe('complete'))
    there.simulator.faults.next('CopySnapshot', { kind: 'drop', when: 'after' })
    const made = await copyBy(driver, id)
    expect(copiesIn(there.simulator)).toEqual([made.id])
  })

  test.each([
    ['is lost', { kind: 'drop', when: 'before' }],
    ['is answered by an error of EC2', { kind: 'error', code: 'InternalError', status: 500 }],
  ] as const)('and whose request %s is sent once, and made by the repeat', async (_, fault) => {
    there = await EbsCopyWorld.open()
    const { id } = await there.taken()
    there.simulator.faults.next('CopySnapshot', fault)
    const refused = there.copy(id)
    await expect(refused).rejects.toThrow(UnavailableError)
    await expect(refused).rejects.toThrow(
      /^the copy "keep" of snapshot snap-\w+ may have been made: .*ec2:CopySnapshot: .*, try again/,
    )
    expect(there.simulator.count('CopySnapshot')).toBe(1)
    const made = await there.copy(id)
    expect(copiesIn(there.simulator)).toEqual([made.id])
  })

  test('and whose maker died before the answer is found by the next process', async () => {
    there = await EbsCopyWorld.open({ snapshot: 60_000 })
    const { id } = await there.taken()
    const caller = new AbortController()
    there.simulator.faults.next('CopySnapshot', { kind: 'slow', ms: 60_000 })
    const cut = copyBy(await there.process(), id, {}, caller.signal)
    await eventually(() => expect(copiesIn(there.simulator)).toHaveLength(1))
    caller.abort()
    await expect(cut).rejects.toThrow(AbortedError)
    const made = await copyBy(await there.process(), id)
    expect(copiesIn(there.simulator)).toEqual([made.id])
    expect(made.state).toBe('pending')
  })

  test('by two machines at once is the same one for both', async () => {
    there = await EbsCopyWorld.open({ tagLag: 40 })
    const { id } = await there.taken()
    const drivers = [await there.process(there.world.here), await there.process(there.world.there)]
    const made = await Promise.all(drivers.map((driver) => copyBy(driver, id)))
    expect(copiesIn(there.simulator)).toEqual([made[0]?.id])
    expect(made[1]?.id).toBe(made[0]?.id)
  })

  test('after it was removed is made anew, though EC2 still shows the removed one', async () => {
    there = await EbsCopyWorld.open({ lag: 25 })
    const { id } = await there.taken()
    const driver = await there.process()
    await eventually(async () => expect((await driver.list())[0]?.state).toBe('complete'))
    const first = await copyBy(driver, id)
    await driver.remove(first.id)
    const second = await copyBy(driver, id)
    expect(second.id).not.toBe(first.id)
    expect(copiesIn(there.simulator)).toEqual([second.id])
  })

  test('after it failed is made anew', async () => {
    there = await EbsCopyWorld.open()
    const { id } = await there.taken()
    const first = await there.copy(id)
    there.become(first.id, 'error')
    const second = await there.copy(id)
    expect(second.id).not.toBe(first.id)
    expect(second.state).not.toBe('error')
  })

  test('that was throttled is asked for again, and made once', async () => {
    there = await EbsCopyWorld.open()
    const { id } = await there.taken()
    there.simulator.faults.next('CopySnapshot', { kind: 'throttle' })
    const made = await there.copy(id)
    expect(copiesIn(there.simulator)).toEqual([made.id])
  })

  test('is there though EC2 does not let it be seen afterwards', async () => {
    there = await EbsCopyWorld.open()
    const { id } = await there.taken()
    const driver = await there.process(there.world.here, { maxRetries: 0 })
    const denied = { kind: 'error', code: 'UnauthorizedOperation', status: 403 } as const
    const nothing = { kind: 'slow', ms: 0 } as const
    there.simulator.faults.next('DescribeSnapshots', nothing, nothing, denied)
    const made = await copyBy(driver, id)
    expect(copiesIn(there.simulator)).toEqual([made.id])
  })
})

describe('a copy that another machine makes at the same moment', () => {
  /** Copies while another copy appears that was begun so many milliseconds later; answers with both. */
  const beside = async (ms: number, meanwhile: (twin: string) => void = () => {}) => {
    there = await EbsCopyWorld.open({ snapshot: 60_000 })
    const { id } = await there.taken()
    const { faults, region } = there.simulator
    faults.next('CopySnapshot', { kind: 'slow', ms: 200 })
    const made = there.copy(id)
    await eventually(() => expect(copiesIn(there.simulator)).toHaveLength(1))
    const mine = inFact(there.simulator, copiesIn(there.simulator)[0] ?? '')
    const startTime = new Date(mine.startTime.getTime() + ms)
    const twin = region.newId('snap')
    region.snapshots.set(twin, { ...mine, id: twin, startTime })
    meanwhile(twin)
    return { made, mine: mine.id, twin }
  }

  test('is the copy where it was begun first, and the other is removed by who made it', async () => {
    const { made, twin } = await beside(-1_000)
    expect((await made).id).toBe(twin)
    expect(copiesIn(there.simulator)).toEqual([twin])
  })

  test('is left to who makes it where it was begun later', async () => {
    const { made, mine, twin } = await beside(1_000)
    expect((await made).id).toBe(mine)
    expect(copiesIn(there.simulator).sort()).toEqual([mine, twin].sort())
  })

  test('and that is removed a moment later takes nothing with it', async () => {
    const slow = (ms: number) => ({ kind: 'slow', ms }) as const
    const { made, mine, twin } = await beside(-1_000, () =>
      there.simulator.faults.next('DescribeSnapshots', slow(0), slow(500)),
    )
    await eventually(() => expect(there.simulator.count('DescribeSnapshots')).toBe(4))
    there.simulator.region.snapshots.set(twin, undefined)
    expect((await made).id).toBe(mine)
    expect(copiesIn(there.simulator)).toEqual([mine])
  })

  test('and that failed is not taken for it', async () => {
    const { made, mine } = await beside(-1_000, (twin) => there.become(twin, 'error'))
    expect((await made).id).toBe(mine)
  })
})

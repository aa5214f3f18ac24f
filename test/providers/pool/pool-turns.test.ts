import { describe, expect, test } from 'vitest'
import { AbortedError, UnavailableError } from '../../../src/libstorage/errors.ts'
import { PoolTurns } from '../../../src/providers/pool/pool-turns.ts'

/** Work that ends when it is told. */
function work() {
  const log: string[] = []
  const ends: (() => void)[] = []
  const start = (name: string) => () => {
    log.push(name)
    return new Promise<string>((resolve) => ends.push(() => resolve(name)))
  }
  const end = async () => {
    ends.shift()?.()
    await new Promise(setImmediate)
  }
  return { log, start, end }
}

describe('the turns of a pool', () => {
  test('are taken one at a time, in the order of asking, also after one that failed', async () => {
    const turns = new PoolTurns('/pool')
    const { log, start, end } = work()
    const failed = turns.take(() => Promise.reject(new Error('no')))
    const taken = ['a', 'b', 'c'].map((name) => turns.take(start(name)))
    await expect(failed).rejects.toThrow('no')
    expect(log).toEqual(['a'])
    await end()
    expect(log).toEqual(['a', 'b'])
    await end()
    await end()
    expect(await Promise.all(taken)).toEqual(['a', 'b', 'c'])
    expect(await turns.take(async () => 'd')).toBe('d')
  })

  test('whoever goes away while he waits gets none, and holds up nobody', async () => {
    const turns = new PoolTurns('/pool')
    const { log, start, end } = work()
    const caller = new AbortController()
    const first = turns.take(start('a'))
    const leaves = turns.take(start('b'), caller.signal)
    const last = turns.take(start('c'))
    caller.abort()
    await expect(leaves).rejects.toThrow(AbortedError)
    await end()
    await end()
    expect(await Promise.all([first, last])).toEqual(['a', 'c'])
    expect(log).toEqual(['a', 'c'])
  })

  test('whoever goes away during his own is answered, and the turn ends by itself', async () => {
    const turns = new PoolTurns('/pool')
    const { log, start, end } = work()
    const caller = new AbortController()
    const leaves = turns.answer(caller.signal, (signal) => turns.take(start('a'), signal))
    const next = turns.take(start('b'))
    caller.abort()
    await expect(leaves).rejects.toThrow(AbortedError)
    expect(log).toEqual(['a'])
    await end()
    await end()
    expect(await next).toBe('b')
  })

  test('where one takes too long all callers are told, and none that waits begins later', async () => {
    const turns = new PoolTurns('/pool', 50)
    const { log, start, end } = work()
    const calls = ['a', 'b', 'c'].map((name) =>
      turns.answer(undefined, (signal) => turns.take(start(name), signal)),
    )
    for (const call of calls) await expect(call).rejects.toThrow(UnavailableError)
    const later = turns.answer(undefined, (signal) => turns.take(start('d'), signal))
    await expect(later).rejects.toThrow('pool /pool does not answer for')
    await end()
    expect(log).toEqual(['a'])
    expect(await turns.answer(undefined, async () => 'e')).toBe('e')
  })

  test('whoever copies apart from all turns is not given up, but told when he waits for one again', async () => {
    const turns = new PoolTurns('/pool', 50)
    const { start, end } = work()
    let copied: () => void = () => {}
    let copying: AbortSignal | undefined
    const copy = turns.answer(undefined, async (signal) => {
      copying = signal
      await turns.apart(signal, () => new Promise<void>((resolve) => (copied = resolve)))
      return await turns.take(start('copied'), signal)
    })
    const slow = turns.answer(undefined, (signal) => turns.take(start('slow'), signal))
    await expect(slow).rejects.toThrow(UnavailableError)
    expect(copying?.aborted).toBe(false)
    copied()
    await expect(copy).rejects.toThrow('pool /pool does not answer for')
    await end()
  })
})

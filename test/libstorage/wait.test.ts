import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AbortedError, TimeoutError } from '../../src/libstorage/errors.ts'
import {
  abortReason,
  after,
  poll,
  sleep,
  throwIfAborted,
  together,
  untilAborted,
} from '../../src/libstorage/wait.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('sleep', () => {
  test('ends after its time and not before', async () => {
    const woken = vi.fn()
    const slept = sleep(1_000).then(woken)
    await vi.advanceTimersByTimeAsync(999)
    expect(woken).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    await slept
    expect(woken).toHaveBeenCalledOnce()
  })

  test('ends at once with an error when the caller goes away, and leaves no timer', async () => {
    const leaving = new AbortController()
    const slept = sleep(1_000, leaving.signal)
    leaving.abort()
    await expect(slept).rejects.toThrow('the operation was given up by its caller')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('does not begin for a caller that has gone', async () => {
    await expect(sleep(1_000, AbortSignal.abort())).rejects.toThrow(AbortedError)
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('what is to happen once happens once, unless it is cancelled before', async () => {
  const [kept, cancelled] = [vi.fn(), vi.fn()]
  after(10, kept)
  after(10, cancelled).cancel()
  await vi.advanceTimersByTimeAsync(100)
  expect(kept).toHaveBeenCalledOnce()
  expect(cancelled).not.toHaveBeenCalled()
})

describe('poll', () => {
  const options = { intervalMs: 100, timeoutMs: 1_000 }

  test('asks at once, and does not wait where the answer is there', async () => {
    expect(await poll(async () => 'there', options)).toBe('there')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('asks until there is an answer', async () => {
    let asked = 0
    const polled = poll(async () => (++asked === 3 ? 'third' : undefined), options)
    await vi.advanceTimersByTimeAsync(200)
    expect(await polled).toBe('third')
  })

  test('takes false and null for answers', async () => {
    expect(await poll(async () => false, options)).toBe(false)
    expect(await poll(async () => null, options)).toBeNull()
  })

  test('has no answer when the time is up', async () => {
    const polled = poll(async () => undefined, options)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await polled).toBeUndefined()
  })

  test('ends when the caller goes away', async () => {
    const leaving = new AbortController()
    const polled = poll(async () => undefined, { ...options, signal: leaving.signal })
    const outcome = expect(polled).rejects.toThrow(AbortedError)
    await vi.advanceTimersByTimeAsync(50)
    leaving.abort()
    await outcome
  })

  test('passes on what the question rejects with', async () => {
    await expect(poll(() => Promise.reject(new Error('no')), options)).rejects.toThrow('no')
  })
})

describe('waiting until a signal', () => {
  test('gives what the work gives, be it a value or an error', async () => {
    const { signal } = new AbortController()
    expect(await untilAborted(Promise.resolve(1), signal)).toBe(1)
    await expect(untilAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
  })

  test('ends with the signal while the work goes on', async () => {
    const leaving = new AbortController()
    const done = vi.fn()
    const work = sleep(100).then(done)
    const waited = untilAborted(work, leaving.signal)
    leaving.abort()
    await expect(waited).rejects.toThrow(AbortedError)
    await vi.advanceTimersByTimeAsync(100)
    expect(done).toHaveBeenCalledOnce()
  })
})

describe('the reason of an abort', () => {
  test('is ours where the signal was given one of ours', () => {
    const own = new TimeoutError({ subject: 'Mount', problem: 'took too long' })
    expect(abortReason(AbortSignal.abort(own))).toBe(own)
  })

  test("is a timeout where the platform's own timer ended it", () => {
    const reason = new DOMException('too late', 'TimeoutError')
    expect(abortReason(AbortSignal.abort(reason))).toMatchObject({
      code: 'ERR_TIMEOUT',
      message: 'the operation took longer than its deadline',
      cause: reason,
    })
  })

  test('is otherwise that the caller went away', () => {
    expect(abortReason(AbortSignal.abort())).toMatchObject({ code: 'ERR_ABORTED' })
  })

  test('is thrown only where there was an abort', () => {
    expect(() => throwIfAborted(undefined)).not.toThrow()
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow()
    expect(() => throwIfAborted(AbortSignal.abort())).toThrow(AbortedError)
  })
})

describe('together', () => {
  test('resolves with what all come to', async () => {
    expect(await together([1, Promise.resolve('two')])).toEqual([1, 'two'])
  })

  test('rejects only when nothing of it goes on any more', async () => {
    let isDone = false
    const slow = sleep(20).then(() => {
      isDone = true
    })
    const rejected = expect(together([Promise.reject(new Error('no')), slow])).rejects.toThrow('no')
    await vi.advanceTimersByTimeAsync(20)
    await rejected
    expect(isDone).toBe(true)
  })
})

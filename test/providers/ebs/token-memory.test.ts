import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TokenMemory } from '../../../src/providers/ebs/token-memory.ts'

let tokens: TokenMemory
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
  tokens = new TokenMemory()
})
afterEach(() => void vi.useRealTimers())

test('a token is spent when the volume that it made is gone', () => {
  tokens.made('token', 'vol-1')
  expect(tokens.isSpent('token')).toBe(false)
  tokens.left('vol-1')
  expect(tokens.isGone('vol-1')).toBe(true)
  expect(tokens.isSpent('token')).toBe(true)
  expect(tokens.isSpent('other')).toBe(false)
  expect(tokens.isGone('vol-2')).toBe(false)
})

test('of an hour ago nothing counts: EC2 may have forgotten the token, and another machine used it since', () => {
  tokens.made('old', 'vol-1')
  vi.advanceTimersByTime(3_000_000)
  tokens.made('new', 'vol-2')
  tokens.left('vol-1')
  tokens.left('vol-2')
  vi.advanceTimersByTime(700_000)
  expect([tokens.isSpent('old'), tokens.isSpent('new')]).toEqual([false, true])
  vi.advanceTimersByTime(3_000_000)
  expect([tokens.isSpent('new'), tokens.isGone('vol-2')]).toEqual([false, false])
})

test('the first refusal of a token counts for its repeats, and for no other after two minutes without one', () => {
  expect(tokens.refused('token')).toBe(0)
  vi.advanceTimersByTime(100_000)
  expect(tokens.refused('token')).toBe(100_000)
  vi.advanceTimersByTime(100_000)
  expect([tokens.refused('token'), tokens.refused('other')]).toEqual([200_000, 0])
  vi.advanceTimersByTime(121_000)
  expect(tokens.refused('token')).toBe(0)
})

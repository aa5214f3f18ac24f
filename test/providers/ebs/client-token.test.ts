import { expect, test } from 'vitest'
import { clientToken } from '../../../src/providers/ebs/client-token.ts'

const seed = { tag: '', zone: 'us-east-1a', name: 'data', generation: 1 }

test('a token is the same at every time and on every machine, in 64 characters', () => {
  expect(clientToken(seed)).toBe('3031f3523c1d56da16f04295b81f4d7a4c067dd88ad673b983d7a3b0afade26e')
  expect(clientToken({ ...seed, name: 'ü'.repeat(200) })).toMatch(/^[0-9a-f]{64}$/)
})

test('another name, zone, prefix or generation has another token', () => {
  const seeds = [
    seed,
    { ...seed, name: 'Data' },
    { ...seed, zone: 'us-east-1b' },
    { ...seed, tag: 'prod' },
    { ...seed, generation: 2 },
    { tag: 'a', zone: 'b', name: 'cd', generation: 1 },
    { tag: 'a', zone: 'bc', name: 'd', generation: 1 },
  ]
  expect(new Set(seeds.map(clientToken)).size).toBe(seeds.length)
})

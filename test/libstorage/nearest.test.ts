import fc from 'fast-check'
import { expect, test } from 'vitest'
import { editDistance, nearest } from '../../src/libstorage/nearest.ts'

test('the distance is none to itself, the same both ways, and at most the longer length', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      expect(editDistance(a, a)).toBe(0)
      expect(editDistance(a, b)).toBe(editDistance(b, a))
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length))
    }),
  )
})

test('one letter more, less or another is a distance of one', () => {
  expect([
    editDistance('size', 'sizes'),
    editDistance('size', 'sze'),
    editDistance('a', 'b'),
  ]).toEqual([1, 1, 1])
})

test('the nearest is found without regard to case, and nothing where nothing is near', () => {
  expect(nearest('EBS.REGOIN', ['ebs.tag', 'ebs.region'])).toBe('ebs.region')
  expect(nearest('completely', ['other', 'words'])).toBeUndefined()
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyCasePatterns } from '../../../src/providers/ebs/name-patterns.ts'

/** As EC2 reads a value of a filter. */
function fits(pattern: string, text: string): boolean {
  const source = pattern.replace(/\\[\s\S]|[\s\S]/gu, (part) => {
    if (part === '*') return '[\\s\\S]*'
    if (part === '?') return '[\\s\\S]?'
    return (part.length === 2 && part.startsWith('\\') ? part.slice(1) : part).replace(
      /[.*+?^${}()|[\]\\/]/g,
      '\\$&',
    )
  })
  return new RegExp(`^${source}$`, 'u').test(text)
}
const fitsOne = (patterns: readonly string[], text: string) =>
  patterns.some((pattern) => fits(pattern, text))

describe('patterns for a name', () => {
  test('spell a short one out in every letter case, and nothing else', () => {
    expect(anyCasePatterns('', 'a-1b').sort()).toEqual(['A-1B', 'A-1b', 'a-1B', 'a-1b'])
  })

  test('keep the prefix as it is', () => {
    expect(anyCasePatterns('Prod/', 'x').sort()).toEqual(['Prod/X', 'Prod/x'])
  })

  test('mean pattern characters as they are', () => {
    expect(anyCasePatterns('p*/', '1?*\\')).toEqual(['p\\*/1\\?\\*\\\\'])
  })

  test('leave letters in the middle of a long one open, and no other', () => {
    const patterns = anyCasePatterns('', 'customer-0001-database')
    expect(patterns).toHaveLength(128)
    expect(patterns).toContain('cus?????-0001-????base')
    expect(fitsOne(patterns, 'customer-0002-database')).toBe(false)
  })

  test('are never more than EC2 takes, and fit the name in every letter case', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    const flips = fc.infiniteStream(fc.boolean())
    fc.assert(
      fc.property(name, flips, (asked, stream) => {
        const patterns = anyCasePatterns('tag/', asked)
        expect(patterns.length).toBeLessThanOrEqual(200)
        const other = [...asked]
          .map((letter) => (stream.next().value === true ? letter.toUpperCase() : letter))
          .join('')
        expect(fitsOne(patterns, `tag/${asked}`)).toBe(true)
        expect(fitsOne(patterns, `tag/${other}`)).toBe(true)
      }),
    )
  })
})

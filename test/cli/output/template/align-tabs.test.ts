import fc from 'fast-check'
import { expect, test } from 'vitest'
import { alignTabs } from '../../../../src/cli/output/template/align-tabs.ts'

test.each([
  ['a\tb\nccc\td\n', 'a    b\nccc  d\n'],
  ['a\tb\tc\nlonger\td\nx\n', 'a       b  c\nlonger  d\nx\n'],
  ['a\tb\n\nccc\td', 'a  b\n\nccc  d'],
  ['no tabs\n', 'no tabs\n'],
  ['ä\tb\nxx\tc', 'ä   b\nxx  c'],
])('%j becomes %j', (text, aligned) => {
  expect(alignTabs(text)).toBe(aligned)
})

test('nothing but white space is added, and no tab is left', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'bc', '\t', '\n') }), (text) => {
      const aligned = alignTabs(text)
      expect(aligned).not.toContain('\t')
      expect(aligned.replaceAll(' ', '')).toBe(text.replaceAll('\t', ''))
    }),
  )
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  labelsOf,
  literal,
  nameOf,
  nameTag,
  scopeFilters,
  tagsOfNew,
  tagValue,
} from '../../../src/providers/ebs/tags.ts'

const plain = { prefix: '', rexraySet: '' }
const prefixed = { prefix: 'prod', rexraySet: '' }

describe('names', () => {
  test('a name is its tag, behind a prefix where one is configured', () => {
    expect(nameTag(plain, 'data')).toBe('data')
    expect(nameTag(prefixed, 'data')).toBe('prod/data')
  })

  test('a volume of another prefix, and one without a tag, has no name', () => {
    const tagged = (Value: string) => [{ Key: 'Name', Value }]
    expect(nameOf(prefixed, tagged('prod/a/b'))).toBe('a/b')
    for (const other of ['data', 'test/data', 'production/data', 'prod'])
      expect(nameOf(prefixed, tagged(other)), other).toBe('')
    expect(nameOf(plain, [])).toBe('')
    expect(nameOf(plain, [{ Key: 'name', Value: 'x' }])).toBe('')
  })

  test('every name comes back', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.constantFrom(plain, prefixed), (name, scope) => {
        expect(nameOf(scope, tagsOfNew(scope, { name, labels: {} }))).toBe(name)
      }),
    )
  })
})

describe('the tags of something new', () => {
  test('of a copy say of what it is one, which is no label', () => {
    const copyOf = { snapshotId: 'snap-1', volumeId: 'vol-1' }
    const tags = tagsOfNew(plain, { name: 'x', labels: { fstype: 'xfs', volume: 'no' }, copyOf })
    expect(tagValue(tags, 'remora/copy-of')).toBe('snap-1')
    expect(tagValue(tags, 'remora/volume')).toBe('vol-1')
    expect(labelsOf(tags)).toEqual({ fstype: 'xfs' })
  })

  test('are the mark, the name, the labels and the user’s own', () => {
    const made = { name: 'data', labels: { fstype: 'xfs' }, tags: { team: 'db' } }
    expect(tagsOfNew({ prefix: 'prod', rexraySet: 'x' }, made)).toEqual([
      { Key: 'team', Value: 'db' },
      { Key: 'rexraySet', Value: 'x' },
      { Key: 'remora/fstype', Value: 'xfs' },
      { Key: 'remora/managed', Value: 'true' },
      { Key: 'Name', Value: 'prod/data' },
    ])
  })

  test('a tag of the user’s never takes the place of one of ours', () => {
    const tags = tagsOfNew(plain, {
      name: 'data',
      labels: { fstype: 'xfs', managed: 'no' },
      tags: { Name: 'other', 'remora/managed': 'false', 'remora/fstype': 'ext4' },
    })
    expect(tagValue(tags, 'Name')).toBe('data')
    expect(tagValue(tags, 'remora/managed')).toBe('true')
    expect(tagValue(tags, 'remora/fstype')).toBe('xfs')
    expect(new Set(tags.map(({ Key }) => Key)).size).toBe(tags.length)
  })

  test('labels come back without the mark', () => {
    const labels = { fstype: 'xfs', mountopts: 'noatime' }
    expect(labelsOf(tagsOfNew(plain, { name: 'x', labels, tags: { a: 'b' } }))).toEqual(labels)
  })
})

describe('filters', () => {
  test('what is a pattern to EC2 is taken as it is', () => {
    expect(literal('a*b?c\\d')).toBe('a\\*b\\?c\\\\d')
  })

  test('only a scope with a mark has one of its own', () => {
    expect(scopeFilters(plain)).toEqual([])
    expect(scopeFilters({ prefix: '', rexraySet: 'x*' })).toEqual([
      { Name: 'tag:rexraySet', Values: ['x\\*'] },
    ])
  })
})

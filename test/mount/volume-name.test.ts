import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { directoryName, requireNewName } from '../../src/mount/volume-name.ts'

const RULE =
  'use 1 to 128 characters of well-formed Unicode without "/" and control characters, not starting with "-", and no id'
/** A platform whose ids are numbers. */
const platform = { looksLikeId: (text: string) => /^\d+$/.test(text) }

/** Names as platforms may have them, many of them odd. */
const anyName = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: fc.constantFrom('.', '/', '%', '-', ' ', '\n', '2', 'F', 'é', '😀') }),
)
/** Names of other services, which lie beside the volumes of the default one. */
const anyReserved = fc
  .array(fc.oneof(fc.stringMatching(/^[a-z0-9._-]{1,8}$/), fc.constantFrom('.', '-', '25', '0a')))
  .map((names) => new Set(names))

describe('the name of a new volume', () => {
  test.each([
    'data',
    'x',
    'my volume',
    'Daten-Übersicht',
    '.hidden',
    'a.b_c-d',
    '%41',
    '日本語',
    'a'.repeat(128),
  ])('may be %j', (name) => {
    expect(() => requireNewName(name, platform)).not.toThrow()
  })

  test.each([
    ['', 'is empty'],
    ['a'.repeat(129), 'has more than 128 characters'],
    ['😀'.repeat(64), 'has more than 255 bytes'],
    ['.', 'is a path'],
    ['..', 'is a path'],
    ['a/b', 'has a "/"'],
    ['../etc', 'has a "/"'],
    ['-rf', 'starts with "-"'],
    ['a\nb', 'has a control character'],
    ['a\u0000b', 'has a control character'],
    ['a\u007fb', 'has a control character'],
    ['a\ud800b', 'is not well-formed Unicode'],
    ['4711', 'has the form of an id'],
  ])('may not be %j', (name, problem) => {
    expect(() => requireNewName(name, platform)).toThrow(
      `volume ${JSON.stringify(name)} cannot be created: its name ${problem}, ${RULE}`,
    )
  })
})

describe('the directory of a volume', () => {
  test('is named like the volume wherever a new one may be named so', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        fc.pre(!name.includes('%'))
        try {
          requireNewName(name, platform)
        } catch {
          return
        }
        expect(directoryName(name)).toBe(name)
      }),
    )
  })

  test('is a single file name that never leads out of its parent', () => {
    fc.assert(
      fc.property(anyName, anyReserved, (name, reserved) => {
        const directory = directoryName(name, reserved)
        expect(path.dirname(path.join('/root', directory))).toBe('/root')
        expect(directory).not.toMatch(/^$|^\.{1,2}$|[/\0]/)
        expect(Buffer.byteLength(directory)).toBeLessThanOrEqual(255)
      }),
    )
  })

  test('is another one for another name', () => {
    fc.assert(
      fc.property(anyName, anyName, anyReserved, (one, other, reserved) => {
        fc.pre(one !== other && one.isWellFormed() && other.isWellFormed())
        expect(directoryName(one, reserved)).not.toBe(directoryName(other, reserved))
      }),
      { numRuns: 2_000 },
    )
  })

  test('is another one for another name also where a service is named like an encoded byte', () => {
    const reserved = new Set(['10x', '2f'])
    const names = ['10x', '\u0010x', '%10x', '2f', '/', '%2f', '%2F', '%', '', '.', '-', '%.', '%-']
    expect(new Set(names.map((name) => directoryName(name, reserved))).size).toBe(names.length)
  })

  test('is never that of another service', () => {
    fc.assert(
      fc.property(anyName, anyReserved, (name, reserved) => {
        expect(reserved.has(directoryName(name, reserved))).toBe(false)
      }),
    )
    const reserved = new Set(['archive'])
    expect(directoryName('archive', reserved)).not.toBe('archive')
  })

  test.each([
    ['a/b', 'a%2Fb'],
    ['50%', '50%25'],
    ['..', '%2E.'],
    ['-rf', '%2Drf'],
    ['tab\there', 'tab%09here'],
  ])('of the odd name %j is percent-encoded', (name, encoded) => {
    expect(directoryName(name)).toBe(encoded)
    expect(decodeURIComponent(encoded)).toBe(name)
  })

  test('of a name that grows too long is a hash, the same each time', () => {
    const name = '/'.repeat(200)
    expect(directoryName(name)).toMatch(/^%[0-9a-f]{64}$/)
    expect(directoryName(name)).toBe(directoryName(name))
    expect(directoryName(`${name}/`)).not.toBe(directoryName(name))
  })
})

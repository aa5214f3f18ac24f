import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  parseBoolean,
  parseCallTimeout,
  parseCount,
  parseDirectory,
  parseFileMode,
  parseHost,
  parseLogLevel,
  parsePreempt,
  parseRootPath,
} from '../../src/config/values.ts'
import { parseDuration } from '../../src/libstorage/duration.ts'

describe('durations', () => {
  test('hours, minutes, seconds and milliseconds add up', () => {
    const part = fc.nat({ max: 10_000 })
    fc.assert(
      fc.property(part, part, part, part, (h, m, s, ms) => {
        const expected = h * 3_600_000 + m * 60_000 + s * 1_000 + ms
        expect(parseDuration(`${h}h${m}m${s}s${ms}ms`)).toBe(expected)
      }),
    )
  })

  test('whatever is read is a whole number of milliseconds that is not negative', () => {
    const letters = fc.constantFrom(...'0123456789.hmsun-+ ')
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), (characters) => {
        const value = parseDuration(characters.join(''))
        expect(value === undefined || (Number.isInteger(value) && value >= 0)).toBe(true)
      }),
    )
  })

  test.each([
    ['2s', 2_000],
    ['500ms', 500],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['0', 0],
    ['1500us', 2],
  ])('%s is %d ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected)
  })

  test.each(['', '2', '-2s', '2 s', 's', '1d', '1..5s', '2S'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})

describe('permission bits', () => {
  test('are octal with or without a prefix', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0o7777 }), (mode) => {
        const digits = mode.toString(8).padStart(3, '0')
        for (const prefix of ['', '0', '0o']) expect(parseFileMode(prefix + digits)).toBe(mode)
      }),
    )
  })

  test.each(['448', '7', '0888', 'rwx', '-755', '77777'])('%j is none', (text) => {
    expect(parseFileMode(text)).toBeUndefined()
  })
})

test('truth values are understood in all of their spellings', () => {
  for (const text of ['true', 'TRUE', 't', '1', 'yes', 'On']) expect(parseBoolean(text)).toBe(true)
  for (const text of ['false', 'F', '0', 'no', 'OFF']) expect(parseBoolean(text)).toBe(false)
  for (const text of ['', 'maybe', '2', 'truee']) expect(parseBoolean(text)).toBeUndefined()
})

test('preempt is a truth value, dead or fence', () => {
  expect(['Dead', 'FENCE', '1', 'no', 'force'].map(parsePreempt)).toEqual([
    'dead',
    'fence',
    true,
    false,
    undefined,
  ])
})

test('counts are whole numbers that are not negative', () => {
  expect(['0', '0016', '12', '-1', '1.5', '1e3', ''].map(parseCount)).toEqual([
    0,
    16,
    12,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test('directories are absolute and never the root', () => {
  expect(['/a/b/', '/a/../b', '/', 'a', '/a\n'].map(parseDirectory)).toEqual([
    '/a/b',
    '/b',
    undefined,
    undefined,
    undefined,
  ])
})

test('a root path never leads out of the volume', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', '/', '.', '..', '//')), (parts) => {
      const path = parseRootPath(parts.join(''))
      expect(path === undefined || (path.startsWith('/') && !path.split('/').includes('..'))).toBe(
        true,
      )
    }),
  )
  expect(['/', 'data', '/data/', '/a/../..'].map(parseRootPath)).toEqual([
    '/',
    '/data',
    '/data',
    undefined,
  ])
})

test('a host is a path, a unix socket or a TCP address with a port', () => {
  expect(
    ['/run/x.sock', 'unix:///run/x.sock', 'tcp://127.0.0.1:7979', 'tcp://:7979'].map(parseHost),
  ).toEqual(['unix:///run/x.sock', 'unix:///run/x.sock', 'tcp://127.0.0.1:7979', 'tcp://:7979'])
  for (const text of ['x.sock', 'tcp://host', 'tcp://h:99999', 'http://h:1', 'unix://']) {
    expect(parseHost(text)).toBeUndefined()
  }
})

test("REX-Ray's log levels are understood", () => {
  expect(
    ['panic', 'FATAL', 'warning', 'Info', 'trace', 'loud', 'constructor'].map(parseLogLevel),
  ).toEqual(['error', 'error', 'warn', 'info', 'debug', undefined, undefined])
})

test('callers wait five seconds at least', () => {
  expect(['30s', '5s', '4999ms', '0', 'soon'].map(parseCallTimeout)).toEqual([
    ...[30_000, 5_000],
    ...[undefined, undefined, undefined],
  ])
})

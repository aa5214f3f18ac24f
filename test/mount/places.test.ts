import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createPlaces } from '../../src/mount/places.ts'

const FOLDER = '/var/lib/rexray/volumes'

test('a volume is mounted under its name, and containers get the folder inside', () => {
  expect(createPlaces(FOLDER, '/data', new Set()).of('db')).toEqual({
    mountPoint: `${FOLDER}/db`,
    dataPath: `${FOLDER}/db/data`,
  })
})

test.each([
  ['/', `${FOLDER}/db`],
  ['', `${FOLDER}/db`],
  ['data', `${FOLDER}/db/data`],
  ['/data/', `${FOLDER}/db/data`],
  ['/a/b', `${FOLDER}/db/a/b`],
  ['/../../etc', `${FOLDER}/db/etc`],
  ['../..', `${FOLDER}/db`],
])('the root path %j gives %s', (rootPath, dataPath) => {
  expect(createPlaces(FOLDER, rootPath, new Set()).of('db').dataPath).toBe(dataPath)
})

test('a volume that is named like another service does not lie in its folder', () => {
  const places = createPlaces(FOLDER, '/data', new Set(['archive']))
  expect(places.of('archive').mountPoint).not.toBe(`${FOLDER}/archive`)
  expect(places.of('archives').mountPoint).toBe(`${FOLDER}/archives`)
})

test('no name and no root path ever leads out of the folder', () => {
  const anyText = fc.string({ unit: fc.constantFrom('.', '/', 'a', '%', '~') })
  fc.assert(
    fc.property(anyText, anyText, (name, rootPath) => {
      const { mountPoint, dataPath } = createPlaces(FOLDER, rootPath, new Set()).of(name)
      expect(mountPoint.slice(0, FOLDER.length + 1)).toBe(`${FOLDER}/`)
      expect(mountPoint.slice(FOLDER.length + 1)).not.toMatch(/^$|\/|^\.\.?$/)
      expect(`${dataPath}/`.startsWith(`${mountPoint}/`)).toBe(true)
      expect(dataPath.split('/')).not.toContain('..')
    }),
  )
})

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CHOICE_FILE, chooseDefaultService } from '../src/default-service.ts'
import { FailedPreconditionError } from '../src/libstorage/errors.ts'
import { inMemoryProvider } from './support/in-memory-provider.ts'

const loop = inMemoryProvider({ name: 'loop' })
const vfs = inMemoryProvider({ name: 'vfs' })
const noLoop = inMemoryProvider({ name: 'loop', unavailable: 'needs root' })
const noVfs = inMemoryProvider({ name: 'vfs', unavailable: 'needs a disk' })

let lib = ''

beforeEach(() => {
  lib = mkdtempSync(path.join(tmpdir(), 'default-service-'))
})

afterEach(() => {
  rmSync(lib, { recursive: true, force: true })
})

test('loop is chosen where it can be served', async () => {
  expect(await chooseDefaultService([vfs, loop], lib)).toMatchObject({
    driver: 'loop',
    reason: 'nothing is configured',
  })
})

test('vfs is chosen where loop cannot be served, and the reason says why', async () => {
  expect(await chooseDefaultService([noLoop, vfs], lib)).toMatchObject({
    driver: 'vfs',
    reason: 'nothing is configured and loop needs root',
  })
})

test('where neither can be served there is an error and no record', async () => {
  await expect(chooseDefaultService([noLoop, noVfs], lib)).rejects.toThrow(
    'this machine has no storage to offer without a configuration: loop needs root, vfs needs a disk, configure a service',
  )
  expect(readdirSync(lib)).toEqual([])
})

test('the first choice stays, though a better one becomes possible', async () => {
  const first = await chooseDefaultService([noLoop, vfs], lib)

  expect(await chooseDefaultService([loop, vfs], lib)).toEqual(first)
})

test('a choice that cannot be served any more is an error, never another driver', async () => {
  await chooseDefaultService([loop, vfs], lib)
  const later = chooseDefaultService([noLoop, vfs], lib)

  await expect(later).rejects.toThrow(FailedPreconditionError)
  await expect(later).rejects.toThrow(
    /^the default service loop was chosen at .+ and cannot be served now: loop needs root, make that possible/,
  )
})

test('a record that says nothing is an error that names the file, never a new choice', async () => {
  const file = path.join(lib, CHOICE_FILE)
  writeFileSync(file, '{"driver":')

  await expect(chooseDefaultService([loop, vfs], lib)).rejects.toThrow(
    `${file} does not say which service was chosen`,
  )
  expect(readFileSync(file, 'utf8')).toBe('{"driver":')
})

test('processes that choose at once agree, and leave only the record behind', async () => {
  const directory = path.join(lib, 'new')
  const choices = await Promise.all(
    [
      [loop, vfs],
      [noLoop, vfs],
      [loop, vfs],
      [noLoop, vfs],
    ].map((providers) =>
      chooseDefaultService(providers, directory).then(
        ({ driver }) => driver,
        () => 'refused',
      ),
    ),
  )
  const recorded = JSON.parse(readFileSync(path.join(directory, CHOICE_FILE), 'utf8')).driver

  expect(choices).toContain(recorded)
  expect(choices.filter((driver) => driver !== recorded && driver !== 'refused')).toEqual([])
  expect(readdirSync(directory)).toEqual([CHOICE_FILE])
})

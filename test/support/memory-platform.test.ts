import { expect, test } from 'vitest'
import { UnavailableError } from '../../src/libstorage/errors.ts'
import { describeDriver } from './driver-suite.ts'
import { MemoryPlatform } from './memory-platform.ts'

describeDriver('memory', async () => {
  const platform = new MemoryPlatform()
  const held = new Set<string>()
  platform.isHeld = (device) => held.has(device)
  return {
    provider: platform.provider('i-here'),
    restarted: async () => platform.provider('i-here'),
    otherInstance: 'i-there',
    other: platform.provider('i-there'),
    hold: async (device) => {
      held.add(device)
      return async () => {
        held.delete(device)
      }
    },
    cleanup: async () => {},
  }
})

test('a failure that was ordered happens once, before anything is done', async () => {
  const platform = new MemoryPlatform()
  const { driver } = platform.provider('i-here')
  const spec = { name: 'data', sizeGiB: 1, labels: {} }
  platform.failNext('createVolume', new UnavailableError({ subject: 'it', problem: 'is away' }))
  await expect(driver.createVolume(spec)).rejects.toThrow('it is away')
  expect(platform.volumes()).toEqual([])
  await driver.createVolume(spec)
  expect(platform.count('createVolume')).toBe(2)
})

test('a call that is held up goes on when it is let go', async () => {
  const platform = new MemoryPlatform()
  const { driver } = platform.provider('i-here')
  const letGo = platform.block('createVolume')
  const made = driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  await new Promise(setImmediate)
  expect(platform.volumes()).toEqual([])
  letGo()
  await made
  expect(platform.volumes()).toHaveLength(1)
})

test('a slow attachment has no device until it settles', async () => {
  const platform = new MemoryPlatform()
  platform.attachesSlowly = true
  const { driver, executor } = platform.provider('i-here')
  const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  const attachment = await driver.attachVolume(id, 'i-here')
  expect(attachment.state).toBe('attaching')
  expect(await executor.device(attachment)).toBeUndefined()
  platform.settle()
  expect(await executor.device(attachment)).toBe(attachment.deviceName)
})

test('a device that was pulled is known, and dead', async () => {
  const platform = new MemoryPlatform()
  const { driver, executor } = platform.provider('i-here')
  const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  const attachment = await driver.attachVolume(id, 'i-here')
  const device = (await executor.device(attachment)) ?? ''
  expect(platform.resolve(device)).toEqual({ volumeId: id, instanceId: 'i-here', live: true })
  platform.pull(id)
  expect(platform.resolve(device)?.live).toBe(false)
  expect(await executor.device(attachment)).toBeUndefined()
})

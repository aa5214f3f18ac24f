import { describe, expect, test } from 'vitest'
import { ResourceExhaustedError } from '../../../src/libstorage/errors.ts'
import { DeviceNames, kernelName } from '../../../src/providers/ebs/device-names.ts'

const none = new Set<string>()

describe('a device name', () => {
  test('is handed out once, until it is given back', () => {
    const names = new DeviceNames(() => false)
    const first = names.reserve('vol-1', none)
    expect(names.reserve('vol-2', none)).not.toBe(first)
    names.release(first)
    expect(names.reserve('vol-3', none)).toBe(first)
  })

  test('is none that EC2 says is in use, under either of its spellings', () => {
    const names = new DeviceNames(() => false)
    const used = new Set(['/dev/xvdaa', 'xvdab', '/dev/sdac'])
    expect(names.reserve('vol-1', used)).toBe('/dev/xvdad')
  })

  test('is none under which the kernel has a disk', () => {
    const names = new DeviceNames((name) => name === '/dev/xvdaa')
    expect(names.reserve('vol-1', none)).toBe('/dev/xvdab')
  })

  test('that EC2 called taken comes last', () => {
    const names = new DeviceNames(() => false)
    names.taken('/dev/xvdaa')
    expect(names.reserve('vol-1', none)).toBe('/dev/xvdab')
  })

  test('there are 76, none of a root disk, none that EC2 refuses, and then an error', () => {
    const names = new DeviceNames(() => false)
    const all = Array.from({ length: 76 }, (_, index) => names.reserve(`vol-${index}`, none))
    expect(new Set(all).size).toBe(76)
    for (const name of all) expect(name).toMatch(/^\/dev\/xvd(a[a-z]|b[a-z]|d[a-x])$/)
    expect(() => names.reserve('vol-77', none)).toThrow(ResourceExhaustedError)
  })

  test('that was taken is tried when nothing else is left', () => {
    const names = new DeviceNames((name) => name !== '/dev/xvdaa')
    names.taken('/dev/xvdaa')
    expect(names.reserve('vol-1', none)).toBe('/dev/xvdaa')
  })
})

test.each([
  ['/dev/sdf', 'xvdf'],
  ['/dev/xvdba', 'xvdba'],
  ['xvdc', 'xvdc'],
])('on Xen %s is %s to the kernel', (device, name) => {
  expect(kernelName(device)).toBe(name)
})

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { numberOfDevice, parseMountInfo, readMounts } from '../../../src/mount/linux/mountinfo.ts'
import { canMount, has } from '../../support/disk-world.ts'
import { KernelWorld } from '../../support/kernel-world.ts'

const unresolved = () => undefined

/** As the kernel writes paths (seq_path, mangle): these four characters in octal. */
const escaped = (text: string) =>
  text.replaceAll(
    /[ \t\n\\]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  )

describe('the text of mountinfo', () => {
  test('gives each mount, the topmost of a mount point last', () => {
    const text = [
      '24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
      '36 24 7:0 / /mnt/data rw,noatime - xfs /dev/loop0 rw,attr2',
      '37 36 7:1 / /mnt/data rw shared:5 master:3 - ext4 /dev/loop1 rw',
      '',
    ].join('\n')
    const entries = parseMountInfo(text, unresolved)
    expect(entries).toHaveLength(3)
    expect(entries.findLast(({ mountPoint }) => mountPoint === '/mnt/data')).toEqual({
      mountPoint: '/mnt/data',
      deviceNumber: '7:1',
      source: '/dev/loop1',
      fsType: 'ext4',
      failedReadOnly: false,
    })
  })

  test.each([
    ['rw', 'rw', false],
    ['ro', 'ro', false],
    ['ro', 'rw', false],
    ['rw', 'ro', true],
    ['rw,noatime', 'rw,emergency_ro', true],
    ['rw,noatime', 'rw,errors=remount-ro', false],
    ['rw,noatime', 'rw,shutdown', true],
  ])(
    'tells a file system that turned itself read-only: mount %s, file system %s',
    (mount, own, failed) => {
      const text = `36 24 7:0 / /mnt ${mount} - ext4 /dev/loop0 ${own}`
      expect(parseMountInfo(text, unresolved)[0]?.failedReadOnly).toBe(failed)
    },
  )

  test("gives btrfs the number of its source, since the kernel's is an anonymous one", () => {
    const text = '36 24 0:45 / /mnt rw - btrfs /dev/loop\\0409 rw'
    const resolve = (source: string) => (source === '/dev/loop 9' ? '7:9' : undefined)
    expect(parseMountInfo(text, resolve)[0]?.deviceNumber).toBe('7:9')
    expect(parseMountInfo(text, unresolved)[0]?.deviceNumber).toBe('0:45')
  })

  test('leaves out lines that are not of its form', () => {
    expect(
      parseMountInfo('\n\nrubbish\n36 24 7:0 / /mnt rw ext4 /dev/x rw\n1 2 3 -', unresolved),
    ).toEqual([])
  })

  test('gives back every path and source, whatever characters they hold', () => {
    const anyPath = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\\', '0', '4', '-', 'ü', '/') }),
    )
    const optional = fc.array(
      fc.constantFrom('shared:1', 'master:2', 'propagate_from:3', 'unbindable'),
    )
    fc.assert(
      fc.property(anyPath, anyPath, optional, (mountPoint, source, fields) => {
        const line = ['36', '24', '7:0', '/', escaped(`/${mountPoint}`), 'rw', ...fields]
        const text = `${line.join(' ')} - ext4 ${escaped(source)} rw\n`
        expect(parseMountInfo(text, unresolved)).toEqual([
          {
            mountPoint: `/${mountPoint}`,
            deviceNumber: '7:0',
            source,
            fsType: 'ext4',
            failedReadOnly: false,
          },
        ])
      }),
    )
  })

  test('never fails, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(' ', '\n', '-', '\\', '0', 'a') }), (text) => {
        expect(Array.isArray(parseMountInfo(text, unresolved))).toBe(true)
      }),
    )
  })
})

describe.skipIf(!canMount)('the mounts of this machine (root)', () => {
  let world: KernelWorld
  beforeEach(() => {
    world = new KernelWorld()
  })
  afterEach(() => world.end())

  const entryAt = (at: string) => readMounts().findLast(({ mountPoint }) => mountPoint === at)

  test('show a device at an odd path by its number', async () => {
    const device = await world.formatted('ext4', 16)
    const at = await world.mount(device, 'a b\tc\\040d\nü')
    expect(entryAt(at)).toEqual({
      mountPoint: at,
      deviceNumber: numberOfDevice(device),
      source: device,
      fsType: 'ext4',
      failedReadOnly: false,
    })
  })

  test.skipIf(!has('mkfs.btrfs'))('show btrfs by the number of its device', async () => {
    const device = await world.formatted('btrfs', 128)
    const at = await world.mount(device, 'mnt')
    expect(numberOfDevice(device)).toMatch(/^7:\d+$/)
    expect(entryAt(at)?.deviceNumber).toBe(numberOfDevice(device))
  })

  test('know no number of a device that is not there', () => {
    expect(numberOfDevice('/dev/no-such-device')).toBeUndefined()
  })
})

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UnavailableError } from '../../../src/libstorage/errors.ts'
import { run } from '../../../src/libstorage/run.ts'
import { BlockDevices } from '../../../src/providers/ebs/block-devices.ts'
import { SysfsTree } from '../../support/ec2/sysfs-tree.ts'

const VOLUME = 'vol-0123456789abcdef0'
const OTHER = 'vol-0fedcba9876543210'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-disks-'))
  mkdirSync(path.join(folder, 'dev'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const tree = (hypervisor: 'nitro' | 'xen') => new SysfsTree(path.join(folder, 'sys'), hypervisor)
const disks = (looksOnly = false) =>
  new BlockDevices(
    {
      looksOnly,
      sysfs: path.join(folder, 'sys'),
      dev: path.join(folder, 'dev'),
      ownNodes: path.join(folder, 'own'),
    },
    run,
  )
/** Device 1:3 of the kernel stands in for a disk: what is compared is its number. */
const node = (name: string) => symlinkSync('/dev/null', path.join(folder, 'dev', name))
const disk = (volumeId: string, sizeGiB = 1, device = '/dev/xvdba') => ({
  volumeId,
  number: '1:3',
  sizeGiB,
  device,
})

describe('on Nitro', () => {
  test('a disk is found by the serial of its volume, whatever its number is', async () => {
    const sysfs = tree('nitro')
    for (const id of [OTHER, VOLUME]) node(sysfs.add(disk(id)))
    expect(await disks().find({ volumeId: VOLUME })).toBe(path.join(folder, 'dev/nvme2n1'))
    expect(disks().isThere({ volumeId: VOLUME })).toBe(true)
    expect(disks().isThere({ volumeId: 'vol-0aaaaaaaaaaaaaaaa' })).toBe(false)
  })

  test('its name alone proves nothing', async () => {
    node(tree('nitro').add(disk(OTHER)))
    expect(
      await disks().find({ volumeId: VOLUME, deviceName: '/dev/xvdba', sizeGiB: 1 }),
    ).toBeUndefined()
  })

  test.each([
    ['device/model', 'Amazon EC2 NVMe Instance Storage'],
    ['device/state', 'dead'],
    ['device/state', 'deleting'],
    ['device/state', 'deleting (no IO)'],
    ['size', '0'],
  ])('a disk whose %s is %j is none', async (file, text) => {
    node(tree('nitro').add(disk(VOLUME)))
    writeFileSync(path.join(folder, 'sys/block/nvme1n1', file), text)
    expect(await disks().find({ volumeId: VOLUME })).toBeUndefined()
  })

  test.each(['resetting', 'connecting', 'new'])(
    'a disk whose controller is %s for a moment is there',
    async (state) => {
      node(tree('nitro').add(disk(VOLUME)))
      writeFileSync(path.join(folder, 'sys/block/nvme1n1/device/state'), state)
      expect(await disks().find({ volumeId: VOLUME })).toBe(path.join(folder, 'dev/nvme1n1'))
    },
  )

  test('a path of a multipath disk is no disk', async () => {
    const sysfs = tree('nitro')
    sysfs.add(disk(VOLUME))
    const block = path.join(folder, 'sys/block')
    mkdirSync(path.join(block, 'nvme0c0n1'))
    expect(
      await run('mv', [`${block}/nvme1n1`, `${block}/nvme0c0n1/x`], { timeoutMs: 5_000 }),
    ).toMatchObject({ exitCode: 0 })
    expect(disks().isThere({ volumeId: VOLUME })).toBe(false)
  })

  test('a disk that is larger than asked for is not the one', async () => {
    node(tree('nitro').add(disk(VOLUME, 2)))
    expect(await disks().find({ volumeId: VOLUME, sizeGiB: 1 })).toBeUndefined()
    expect(await disks().find({ volumeId: VOLUME, sizeGiB: 3 })).toBeDefined()
  })
})

describe('on Xen', () => {
  test('a disk is found by its name, if it has the size', async () => {
    node(tree('xen').add(disk(VOLUME, 1, '/dev/sdf')))
    const wanted = { volumeId: VOLUME, deviceName: '/dev/sdf' }
    expect(await disks().find({ ...wanted, sizeGiB: 1 })).toBe(path.join(folder, 'dev/xvdf'))
    expect(await disks().find({ ...wanted, sizeGiB: 2 })).toBeUndefined()
    expect(await disks().find(wanted)).toBeUndefined()
    expect(await disks().find({ volumeId: VOLUME, sizeGiB: 1 })).toBeUndefined()
    expect(disks().isPresent('/dev/xvdf')).toBe(true)
    expect(disks().isPresent('/dev/xvdg')).toBe(false)
  })
})

describe('the time after which the kernel gives up a request to a disk', () => {
  const timeout = (name: string) => path.join(folder, 'sys/block', name, 'queue/io_timeout')
  const shown = (text: string) => {
    const name = tree('nitro').add(disk(VOLUME))
    mkdirSync(path.dirname(timeout(name)))
    writeFileSync(timeout(name), text)
    node(name)
    return name
  }
  const found = async (looksOnly = false) => {
    expect(await disks(looksOnly).find({ volumeId: VOLUME })).toBeDefined()
  }

  test('becomes the longest where it is the kernel’s own', async () => {
    const name = shown('30000\n')
    await found()
    expect(readFileSync(timeout(name), 'utf8')).toBe('4294967295')
  })

  test('stays where somebody has set it, and for whoever only looks', async () => {
    const name = shown('60000\n')
    await found()
    expect(readFileSync(timeout(name), 'utf8')).toBe('60000\n')
    writeFileSync(timeout(name), '30000\n')
    await found(true)
    expect(readFileSync(timeout(name), 'utf8')).toBe('30000\n')
  })

  test('is no reason not to use a disk whose time cannot be set', async () => {
    const name = shown('30000\n')
    const refusing = new BlockDevices(
      { sysfs: path.join(folder, 'sys'), dev: path.join(folder, 'dev'), ownNodes: folder },
      async () => {
        throw new UnavailableError({ subject: 'sh', problem: 'cannot be started' })
      },
    )
    expect(await refusing.find({ volumeId: VOLUME })).toBe(path.join(folder, 'dev', name))
  })
})

test('a machine without block devices has none', () => {
  expect(disks().isThere({ volumeId: VOLUME })).toBe(false)
})

describe.skipIf(process.getuid?.() !== 0)('a node that is missing', () => {
  test('is made in a folder of our own, and again where a wrong one lies there', async () => {
    const sysfs = tree('nitro')
    const name = sysfs.add(disk(VOLUME))
    const own = path.join(folder, 'own', name)
    expect(await disks().find({ volumeId: VOLUME })).toBe(own)
    expect(statSync(own).isBlockDevice()).toBe(true)
    unlinkSync(own)
    symlinkSync('/dev/zero', own)
    expect(await disks().find({ volumeId: VOLUME })).toBe(own)
    expect(statSync(own).isBlockDevice()).toBe(true)
    expect(readFileSync(path.join(folder, 'sys/block', name, 'dev'), 'utf8').trim()).toBe('1:3')
  })

  test('is not made by whoever only looks', async () => {
    tree('nitro').add(disk(VOLUME))
    expect(await disks(true).find({ volumeId: VOLUME })).toBeUndefined()
    expect(existsSync(path.join(folder, 'own'))).toBe(false)
    node('nvme1n1')
    expect(await disks(true).find({ volumeId: VOLUME })).toBe(path.join(folder, 'dev/nvme1n1'))
  })

  test('a node of another device is not taken', async () => {
    const name = tree('nitro').add(disk(VOLUME))
    symlinkSync('/dev/zero', path.join(folder, 'dev', name))
    expect(await disks().find({ volumeId: VOLUME })).toBe(path.join(folder, 'own', name))
  })
})

import { describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../src/libstorage/errors.ts'
import type { MountSettings } from '../../src/mount/settings.ts'
import { asksForCopy, readMountWishes, readVolumeOptions } from '../../src/mount/volume-options.ts'
import { quickSettings } from '../support/mount-world.ts'

const defaults: MountSettings['create']['default'] = {
  sizeGiB: 16,
  type: undefined,
  iops: undefined,
  availabilityZone: undefined,
  fsType: 'ext4',
}
const read = (options: Readonly<Record<string, string>>) => readVolumeOptions(options, defaults)

describe('the options of a Create', () => {
  test('iops of 0 are none that are asked for, in an option as in the configuration', () => {
    const sayNothing = { sizeGiB: 16, labels: { fstype: 'ext4' } }
    expect(readVolumeOptions({}, { ...defaults, iops: 0 })).toEqual(sayNothing)
    expect(readVolumeOptions({ iops: '0' }, { ...defaults, iops: 500 })).toMatchObject({
      iops: 500,
    })
  })

  test('none are the defaults of the configuration', () => {
    expect(read({})).toEqual({ sizeGiB: 16, labels: { fstype: 'ext4' } })
    const configured = {
      sizeGiB: 8,
      type: 'gp3',
      iops: 3_000,
      availabilityZone: 'zone-a',
      fsType: 'xfs',
    } as const
    expect(readVolumeOptions({}, configured)).toEqual({
      sizeGiB: 8,
      type: 'gp3',
      iops: 3_000,
      zone: 'zone-a',
      labels: { fstype: 'xfs' },
    })
  })

  test.each([
    ['size', '1', { sizeGiB: 1 }],
    ['size', '65536', { sizeGiB: 65_536 }],
    ['size', '16G', { sizeGiB: 16 }],
    ['size', '16gb', { sizeGiB: 16 }],
    ['size', ' 16 GiB ', { sizeGiB: 16 }],
    ['type', 'gp3', { type: 'gp3' }],
    ['volumetype', 'io2', { type: 'io2' }],
    ['volumeType', 'io2', { type: 'io2' }],
    ['iops', '3000', { iops: 3_000 }],
    ['iops', '0', {}],
    ['throughput', '250', { throughput: 250 }],
    ['tags', 'team=db, stage = a=b ,empty=', { tags: { team: 'db', stage: 'a=b', empty: '' } }],
    ['availabilityZone', 'zone-b', { zone: 'zone-b' }],
    ['encrypted', 'true', { encrypted: true }],
    ['encrypted', '', { encrypted: true }],
    ['encrypted', 'No', { encrypted: false }],
    ['encryptionKey', 'key', { encryptionKey: 'key' }],
    ['kmsKeyId', 'key', { encryptionKey: 'key' }],
    ['overwritefs', 'true', {}],
  ] as const)('%s=%s is taken', (name, value, expected) => {
    expect(read({ [name]: value })).toEqual({
      sizeGiB: 16,
      labels: { fstype: 'ext4' },
      ...expected,
    })
  })

  test.each([
    ['fstype', 'XFS', { fstype: 'xfs' }],
    ['newFsType', 'btrfs', { fstype: 'btrfs' }],
    ['fsType', '', { fstype: 'ext4' }],
    ['mountopts', 'noatime, discard', { fstype: 'ext4', mountopts: 'noatime,discard' }],
    ['mountopts', '', { fstype: 'ext4' }],
    ['uid', '999', { fstype: 'ext4', uid: '999' }],
    ['uid', '0', { fstype: 'ext4', uid: '0' }],
    ['gid', '4294967294', { fstype: 'ext4', gid: '4294967294' }],
    ['mode', '0750', { fstype: 'ext4', mode: '0750' }],
    ['mode', '1777', { fstype: 'ext4', mode: '1777' }],
  ] as const)(
    '%s=%s goes with the volume, so that every machine mounts it so',
    (name, value, labels) => {
      expect(read({ [name]: value }).labels).toEqual(labels)
    },
  )
})

describe('a wrong value is refused by name, with what is right', () => {
  const sizes = (text: string) =>
    `option size must be a whole number of GiB from 1 to 65536, not "${text}", say 16 for 16 GiB`
  const systems = (text: string) => `option fstype must be one of ext4, xfs, btrfs, not "${text}"`
  const ids = (name: string, text: string) =>
    `option ${name} must be a whole number from 0 to 4294967294, not "${text}"`
  const modes = (text: string) =>
    `option mode must be permission bits in octal, not "${text}", say 0750, for one`

  test.each([
    ['size', '5x', sizes('5x')],
    ['size', '', sizes('')],
    ['size', '0', sizes('0')],
    ['size', '-1', sizes('-1')],
    ['size', '1.5', sizes('1.5')],
    ['size', '1e3', sizes('1e3')],
    ['size', '65537', sizes('65537')],
    ['size', '10M', sizes('10M')],
    ['size', '99999999999999999999', sizes('99999999999999999999')],
    ['fstype', 'foo', systems('foo')],
    ['fstype', 'ext3', systems('ext3')],
    ['newfstype', 'ntfs', systems('ntfs')],
    ['iops', 'many', 'option iops must be a whole number from 0 to 1000000, not "many"'],
    ['throughput', 'fast', 'option throughput must be a whole number from 1 to 100000, not "fast"'],
    [
      'tags',
      'team',
      'option tags must be pairs of key and value, not "team", say team=db,stage=prod',
    ],
    ['encrypted', 'perhaps', 'option encrypted must be true or false, not "perhaps"'],
    ['overwritefs', '2', 'option overwritefs must be true or false, not "2"'],
    ['uid', 'postgres', ids('uid', 'postgres')],
    ['uid', '-1', ids('uid', '-1')],
    ['gid', '4294967295', ids('gid', '4294967295')],
    ['gid', '', ids('gid', '')],
    ['mode', '0888', modes('0888')],
    ['mode', 'rwx', modes('rwx')],
    ['mode', '', modes('')],
    ['mode', '77777', modes('77777')],
    [
      'mountopts',
      'noatime,bind',
      'mount option "bind" is not one of the file system, leave it out of mountopts',
    ],
    ['snapshotid', '', 'option snapshotid is empty, give the id of a snapshot'],
    ['volumeName', ' ', 'option volumename is empty, give the name of a volume'],
  ])('%s=%s', (name, value, message) => {
    expect(() => read({ [name]: value })).toThrow(InvalidArgumentError)
    expect(() => read({ [name]: value })).toThrow(expect.objectContaining({ message }))
  })

  test.each([
    ['siez', 'option siez is unknown, did you mean size?'],
    ['Sizes', 'option Sizes is unknown, did you mean size?'],
    ['mountopt', 'option mountopt is unknown, did you mean mountopts?'],
    ['fs-type', 'option fs-type is unknown, did you mean fstype?'],
    ['availability-zone', 'option availability-zone is unknown, did you mean availabilityzone?'],
    ['encripted', 'option encripted is unknown, did you mean encrypted?'],
  ])('the misspelt %s', (name, message) => {
    expect(() => read({ [name]: '1' })).toThrow(expect.objectContaining({ message }))
  })

  test.each(['something', 'constructor', '__proto__', 'toString'])(
    'a name that nothing is near to lists all: %s',
    (name) => {
      const options = JSON.parse(`{${JSON.stringify(name)}: "1"}`)
      expect(() => read(options)).toThrow(
        new RegExp(`^option ${name} is unknown, use one of size, type, .*, volumename$`),
      )
    },
  )

  test('a misspelt option is refused whatever the others are', () => {
    expect(() => read({ size: '1', fstype: 'xfs', sise: '2' })).toThrow('did you mean size?')
  })
})

describe('what the labels of a volume say about its mount', () => {
  test('is what its Create asked for', () => {
    const { labels } = read({
      fstype: 'xfs',
      mountopts: 'noatime,nodiscard',
      uid: '999',
      gid: '0',
      mode: '1750',
    })
    expect(readMountWishes(labels, 'ext4')).toEqual({
      fsType: 'xfs',
      mountOptions: ['noatime', 'nodiscard'],
      uid: 999,
      gid: 0,
      mode: 0o1750,
    })
  })

  const nothing = {
    fsType: 'btrfs',
    mountOptions: [],
    uid: undefined,
    gid: undefined,
    mode: undefined,
  }

  test('is nothing where there are none', () => {
    expect(readMountWishes({}, 'btrfs')).toEqual(nothing)
  })

  test.each([
    { fstype: 'zfs', uid: 'root', gid: '', mode: 'rwx' },
    { uid: '-1', gid: '12abc', mode: '79' },
    { uid: '4294967295', gid: '1.5', mode: '77777' },
  ])('that makes no sense is as if it were not there: %o', (labels) => {
    expect(readMountWishes(labels, 'btrfs')).toEqual(nothing)
  })
})

test('mount options that came to a volume by another way are refused like those of a Create', () => {
  expect(() => readMountWishes({ mountopts: 'noatime,loop' }, 'ext4')).toThrow(
    'mount option "loop"',
  )
})

test("Podman's option o is understood: what it sends by name is left out, the rest are mount options", () => {
  const read = (options: Record<string, string>) =>
    readVolumeOptions(options, quickSettings.create.default).labels
  expect(read({ o: 'uid=5,gid=6', UID: '5', GID: '6' })).toEqual({
    fstype: 'ext4',
    uid: '5',
    gid: '6',
  })
  expect(read({ o: 'noatime,timeout=9' })).toEqual({ fstype: 'ext4', mountopts: 'noatime' })
})

test('one option in two spellings is an error where they differ', () => {
  expect(() => readVolumeOptions({ size: '1', Size: '2' }, quickSettings.create.default)).toThrow(
    'option Size is given twice, with different values',
  )
})

describe('what a new volume is to be a copy of', () => {
  test.each([
    ['snapshotID', 'snapshot', 'id'],
    ['SnapshotName', 'snapshot', 'name'],
    ['volumeid', 'volume', 'id'],
    ['VOLUMENAME', 'volume', 'name'],
  ])('is said by %s', (option, kind, by) => {
    expect(read({ [option]: 'x' }).from).toEqual({ kind, by, text: 'x', isSized: false })
    expect(read({ [option]: 'x', size: '3' }).from).toMatchObject({ isSized: true })
    expect(asksForCopy({ [option]: 'x' })).toBe(true)
  })

  test('is nothing where none of them is given', () => {
    expect(read({ size: '3' }).from).toBeUndefined()
    expect(asksForCopy({ size: '3' })).toBe(false)
  })

  test('is one thing', () => {
    expect(() => read({ snapshotid: 'a', volumename: 'b' })).toThrow(
      'option snapshotid is given together with volumename, say one of them',
    )
  })
})

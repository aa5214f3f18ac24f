import { describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../src/libstorage/errors.ts'
import { requireMountOptions } from '../../src/mount/mount-options.ts'

describe('mount options', () => {
  test.each([
    ['noatime', ['noatime']],
    ['noatime,discard', ['noatime', 'discard']],
    [' noatime , ,data=ordered,', ['noatime', 'data=ordered']],
    ['compress=zstd:3,subvol=/a', ['compress=zstd:3', 'subvol=/a']],
    ['nosuid,nodev,noexec', ['nosuid', 'nodev', 'noexec']],
    ['', []],
  ])('of the file system pass: %j', (text, options) => {
    expect(requireMountOptions(text)).toEqual(options)
  })

  test.each([
    'bind',
    'rbind',
    'BIND',
    'move',
    'remount',
    'loop',
    'loop=/dev/loop0',
    'offset=512',
    'sizelimit=1',
    'helper=x',
    'uhelper=x',
    'user',
    'users',
    'user=me',
    'owner',
    'group',
    'noauto',
    'nofail',
    '_netdev',
    'shared',
    'rshared',
    'rslave',
    'private',
    'unbindable',
    'make-rshared',
    'X-mount.mkdir',
    'x-systemd.automount',
    'comment=x',
    'encryption=aes',
    'verity.hashdevice=/x',
    'no atime',
    'noatime\tx',
  ])('of mount(8) itself, or none at all, are refused by name: %j', (option) => {
    expect(() => requireMountOptions(`noatime,${option},discard`)).toThrow(InvalidArgumentError)
    expect(() => requireMountOptions(`noatime,${option},discard`)).toThrow(
      `mount option "${option}" is not one of the file system, leave it out of mountopts`,
    )
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../src/libstorage/errors.ts'
import { ConfigWorld, failure, nested } from '../support/config-world.ts'

const PREEMPT = 'libstorage.integration.volume.operations.mount.preempt'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

describe('a wrong value', () => {
  const rows: readonly [string, string, string][] = [
    [
      nested(PREEMPT, 'maybe'),
      `FILE:6:11: ${PREEMPT}`,
      'is "maybe", use one of true, false, dead, fence',
    ],
    [
      'linux: {volume: {FileMode: 448}}',
      'FILE:1:18: linux.volume.FileMode',
      'is "448", use permission bits in octal such as 0755',
    ],
    [
      'libstorage: {device: {attachTimeout: 30}}',
      'FILE:1:23: libstorage.device.attachTimeout',
      'is "30", use a duration such as 2s, 500ms or 1m30s',
    ],
    [
      'linux: {volume: {fileMode: [1, 2]}}',
      'FILE:1:18: linux.volume.fileMode',
      'is "1 2", use a single value',
    ],
    ['ebs: {accessKey: abc}', 'FILE:1:7: ebs.accessKey', 'is ***, use 4 characters or more'],
    [
      'libstorage: {service: loop}\nloop: {pool: here}',
      'FILE:2:8: loop.pool',
      'is "here", it must be an absolute path',
    ],
    ['ebs: {maxRetries: many}', 'FILE:1:7: ebs.maxRetries', 'is "many", use a number'],
    ['ebs: {maxRetries: 99}', 'FILE:1:7: ebs.maxRetries', 'is "99", use 20 or less'],
    ['ec2: {mode: slow}', 'FILE:1:7: ec2.mode', 'is "slow", use one of quick, deep'],
    [
      'aws: {useLargeDeviceRange: 2}',
      'FILE:1:7: aws.useLargeDeviceRange',
      'is "2", use true or false',
    ],
    [
      'rexray: {modules: {m: {host: x.sock}}}',
      'FILE:1:24: rexray.modules.m.host',
      'is "x.sock", use unix:///path or tcp://host:port',
    ],
    [
      'rexray: {modules: {m: {type: grpc}}}',
      'FILE:1:24: rexray.modules.m.type',
      'is "grpc", use docker or csi, which mean the same here',
    ],
  ]

  test.each(rows)(
    'the value in %j is refused with its place and what to use',
    async (text, subject, problem) => {
      const error = await failure(
        world.loadText(`${text}\n`, {
          env: { LIBSTORAGE_SERVICE: text.includes('loop:') ? 'loop' : 'ebs' },
        }),
      )
      expect(error).toBeInstanceOf(InvalidArgumentError)
      expect(error.message.replace(world.configFile, 'FILE')).toBe(`${subject} ${problem}`)
    },
  )

  test('of a variable or flag names that', async () => {
    const env = { LINUX_VOLUME_FILEMODE: 'rwx', LIBSTORAGE_SERVICE: 'vfs' }
    expect((await failure(world.load({ env }))).message).toBe(
      'environment LINUX_VOLUME_FILEMODE: linux.volume.fileMode is "rwx", use permission bits in octal such as 0755',
    )
    expect((await failure(world.load({ flags: { logLevel: 'loud' } }))).message).toBe(
      'flag --logLevel: rexray.logLevel is "loud", use one of error, warn, info, debug',
    )
  })

  test('is shown as it was written, before its variables were replaced', async () => {
    const text = 'libstorage: {service: vfs}\nlinux: {volume: {fileMode: $MODE}}\n'
    const error = await failure(world.loadText(text, { env: { MODE: 'rwx' } }))
    expect(error.message).toContain('is "$MODE", use permission bits')
  })

  test('of a flag that nobody knows names the nearest one', async () => {
    const flags = { properties: { ebsRegoin: 'eu' } }
    expect((await failure(world.load({ flags }))).message).toBe(
      'flag --ebsRegoin is unknown, did you mean --ebsRegion',
    )
  })
})

describe('services that cannot be', () => {
  const rows: readonly [string, string][] = [
    [
      'libstorage: {service: scaleio}',
      'FILE:1:14: libstorage.service names "scaleio", which is no driver, use one of loop, vfs, ebs',
    ],
    [
      'libstorage: {server: {services: {a: {driver: Foo}}}}',
      'FILE:1:38: libstorage.server.services.a.driver names "Foo", which is no driver, did you mean loop, use one of loop, vfs, ebs',
    ],
    [
      'libstorage: {server: {services: {a: }}}',
      'FILE:1:34: service "a" has no driver, set libstorage.server.services.a.driver to one of loop, vfs, ebs',
    ],
    [
      'libstorage: {service: b, server: {services: {a: {driver: vfs}}}}',
      'FILE:1:14: libstorage.service names "b", which is no configured service, use one of a',
    ],
    [
      'rexray: {modules: {m: {libstorage: {service: zz}}}}\nlibstorage: {server: {services: {a: {driver: vfs}}}}',
      'FILE:1:37: rexray.modules.m.libstorage.service names "zz", which is no configured service, use one of a',
    ],
    [
      'ebs: {region: eu}',
      'FILE:1:7: ebs.region is configured, but no service is chosen, set libstorage.service to ebs',
    ],
    [
      'rexray: {storageDrivers: [xtremio, ec2]}',
      'FILE:1:10: rexray.storageDrivers names "xtremio ec2", which is no driver, use one of loop, vfs, ebs',
    ],
    [
      'docker: {size: 5}',
      'FILE:1: docker.size is understood as libstorage.integration.volume.operations.create.default.size, write that and no service is chosen, correct that, and set libstorage.service',
    ],
  ]

  test('a driver or a server that only a variable names is no reason to choose another one', async () => {
    const driver = await failure(world.load({ env: { REXRAY_STORAGEDRIVERS: 'xtremio ec2' } }))
    expect(driver.message).toBe(
      'environment REXRAY_STORAGEDRIVERS: rexray.storageDrivers names "xtremio ec2", which is no driver, use one of loop, vfs, ebs',
    )
    const host = await failure(world.load({ env: { LIBSTORAGE_HOST: 'tcp://x:7979' } }))
    expect(host.message).toContain('set libstorage.service to one of loop, vfs, ebs')
  })

  test.each(rows)('the choice in %j is refused with the way out', async (text, message) => {
    const error = await failure(world.loadText(`${text}\n`))
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error.message.replace(world.configFile, 'FILE')).toBe(message)
  })
})

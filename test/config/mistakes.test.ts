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
      'FILE:1:10: docker.size is understood as libstorage.integration.volume.operations.create.default.size, write that and no service is chosen, correct that, and set libstorage.service',
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

describe('a file whose shape is wrong', () => {
  const rows: readonly [string, string][] = [
    [
      'libstorage: ebs',
      'FILE:1:1: libstorage is "ebs" where a section belongs, write its keys beneath it, each in a line of its own',
    ],
    [
      'libstorage:\n  service:vfs',
      'FILE:1:1: libstorage is "service:vfs" where a section belongs, write a space behind each colon',
    ],
    [
      'libstorage: {service: vfs, server: {services: [vfs]}}',
      'FILE:1:37: libstorage.server.services is "vfs" where a section belongs, write its keys beneath it, each in a line of its own',
    ],
    [
      'rexray: {modules: {m: on}}\nlibstorage: {service: vfs}',
      'FILE:1:20: rexray.modules.m is "on" where a section belongs, write its keys beneath it, each in a line of its own',
    ],
    [
      'libstorage: {service: vfs}\nlinux: {volume: {fileMode: {owner: 7}}}',
      'FILE:2:29: linux.volume.fileMode.owner stands beneath linux.volume.fileMode, which takes a value, give it one',
    ],
    [
      'libstorage: {service: vfs}\nvfs:\n  pool: /a\n  Pool: /b',
      'FILE:4:3: vfs.Pool stands a second time, first in line 3, leave one out, or put both together',
    ],
  ]

  test.each(rows)('%j is refused with its place', async (text, message) => {
    const error = await failure(world.loadText(`${text}\n`))
    expect(error.message.replace(world.configFile, 'FILE')).toBe(message)
  })
})

test('several mistakes are said together, in the order of their lines', async () => {
  const text =
    'libstorage: {service: vsf}\nrexray: {logLevel: loud}\nlinux: {volume: {fileMode: rwx}}\nvolume: 7\n'
  const error = await failure(
    world.loadText(text, { flags: { properties: { ebsRegoin: 'eu' } }, env: { VFS_POOL: 'x' } }),
  )
  expect(error.message.replaceAll(world.configFile, 'FILE').split('\n')).toEqual([
    'the configuration has 5 mistakes:',
    '  flag --ebsRegoin is unknown, did you mean --ebsRegion',
    '  FILE:1:14: libstorage.service names "vsf", which is no driver, did you mean vfs, use one of loop, vfs, ebs',
    '  FILE:2:10: rexray.logLevel is "loud", use one of error, warn, info, debug',
    '  FILE:3:18: linux.volume.fileMode is "rwx", use permission bits in octal such as 0755',
    '  FILE:4:1: volume is "7" where a section belongs, write its keys beneath it, each in a line of its own',
  ])
})

describe('a service that cannot be hides no other mistake', () => {
  const driver =
    'FILE:1:14: libstorage.service names "esb", which is no driver, did you mean ebs, use one of loop, vfs, ebs'
  const rows: readonly [string, readonly string[]][] = [
    [
      'libstorage: {service: esb}\nebs: {maxRetries: many}\naws: {region: eu, accessKey: x}',
      [
        driver,
        'FILE:2:7: ebs.maxRetries is "many", use a number',
        'FILE:3:19: aws.accessKey is ***, use 4 characters or more',
      ],
    ],
    [
      'libstorage: {server: {services: {a: {driver: esb, ebs: {maxRetries: 99}, docker: {size: big}}}}}',
      [
        'FILE:1:38: libstorage.server.services.a.driver names "esb", which is no driver, did you mean ebs, use one of loop, vfs, ebs',
        'FILE:1:57: libstorage.server.services.a.ebs.maxRetries is "99", use 20 or less',
        'FILE:1:83: libstorage.server.services.a.docker.size is "big", use a whole number of GiB',
      ],
    ],
    [
      'ebs: {region: eu, maxRetries: many}\nlinux: {volume: {fileMode: rwx}}',
      [
        'FILE:1:7: ebs.region is configured, but no service is chosen, set libstorage.service to ebs',
        'FILE:1:19: ebs.maxRetries is "many", use a number',
        'FILE:2:18: linux.volume.fileMode is "rwx", use permission bits in octal such as 0755',
      ],
    ],
  ]

  test.each(rows)('in %j', async (text, messages) => {
    await world.write('etc/config.yml', `${text}\n`)
    const { mistakes } = await world.examine()
    const said = mistakes.map(
      ({ source, subject, problem, remedy }) => `${source}: ${subject} ${problem}, ${remedy}`,
    )
    expect(said.map((one) => one.replace(world.configFile, 'FILE'))).toEqual(messages)
  })

  test('and a driver that nobody uses has nothing wrong', async () => {
    const text = 'libstorage: {service: loop}\nebs: {maxRetries: many}\n'
    expect((await world.loadText(text)).defaultService).toBe('loop')
  })
})

test('a wrong value that concerns several services is said once', async () => {
  const text =
    'libstorage: {service: a, server: {services: {a: {driver: loop}, b: {driver: vfs}}}}\nlinux: {volume: {fileMode: rwx}}\n'
  expect((await failure(world.loadText(text))).message).toMatch(
    /^\S+:2:18: linux\.volume\.fileMode/,
  )
})

test('a second document is refused, since nobody would read it', async () => {
  const error = await failure(world.loadText('libstorage: {service: vfs}\n---\nvfs: {}\n'))
  expect(error.message).toContain(
    ':2:1: the file is not valid YAML: a second document begins, write all into the first one',
  )
})

test('all that is no YAML is said, of every file, and nothing that follows from it', async () => {
  await world.write('etc/rexray.yml', 'a: [\n')
  const error = await failure(world.loadText('libstorage:\n\tservice: vfs\nb: "x\n'))
  expect(error.message).toContain('the configuration has 3 mistakes')
  expect(error.message).not.toContain('no service')
})

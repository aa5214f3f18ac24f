import { chmod, readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { OperationsConfig } from '../../src/config/config.ts'
import type { LoadedConfig } from '../../src/config/load.ts'
import { providers } from '../../src/providers/index.ts'
import { virtualboxDefinition } from '../../src/providers/virtualbox/config.ts'
import { ConfigWorld, type LoadOptions } from '../support/config-world.ts'
import { cloudDriver, driverKeys } from '../support/driver-keys.ts'

const OPERATIONS = 'libstorage.integration.volume.operations'
const STAND_INS = [...driverKeys, cloudDriver, virtualboxDefinition]

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

async function fixture(name: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  const text = await readFile(new URL(`fixtures/${name}.yml`, import.meta.url), 'utf8')
  await chmod(await world.write('etc/config.yml', text), 0o600)
  return await world.load({ drivers: STAND_INS, ...options })
}

/** What is said of a configuration, by the keys alone. */
function understood(config: LoadedConfig): ReadonlyMap<string, string> {
  const shape = /:\d+: (?<key>\S+) is understood as (?<newer>\S+), write that$/
  const found = config.warnings.map((warning) => shape.exec(warning)?.groups ?? {})
  return new Map(found.flatMap(({ key, newer }) => (key && newer ? [[key, newer]] : [])))
}

function operations(config: LoadedConfig): OperationsConfig {
  const [service] = config.services
  if (service === undefined) throw new Error('a service is configured')
  return service.operations
}

describe.each([
  ['stand-ins', STAND_INS],
  ['the providers of this program', providers],
])('a file of REX-Ray before 0.4, from the field, with %s', (_title, drivers) => {
  test('is a service named ec2 with the driver ebs and the keys as credentials', async () => {
    const config = await fixture('field', { drivers })
    expect(config.services).toMatchObject([
      {
        name: 'ec2',
        driver: 'ebs',
        settings: { accessKey: '<YOUR_ACCESS_KEY>', secretKey: '<YOUR_SECRET_KEY>' },
        operations: { mount: { preempt: true }, unmount: { ignoreUsedCount: true } },
      },
    ])
    expect([config.defaultService, config.primaryService]).toEqual(['ec2', 'ec2'])
    expect(config.modules).toMatchObject([{ name: 'default-docker', service: undefined }])
  })

  test('is warned about once for each key, with its name of today, and nothing else', async () => {
    const config = await fixture('field', { drivers })
    expect(Object.fromEntries(understood(config))).toEqual({
      'rexray.storageDrivers': 'libstorage.service',
      'rexray.volume.mount.preempt': `${OPERATIONS}.mount.preempt`,
      'rexray.volume.unmount.ignoreUsedCount': `${OPERATIONS}.unmount.ignoreUsedCount`,
      'aws.accessKey': 'ebs.accessKey',
      'aws.secretKey': 'ebs.secretKey',
    })
    expect(config.warnings).toHaveLength(5)
  })

  test('says where preempt and ignoreUsedCount are written', async () => {
    const config = await fixture('field', { drivers })
    expect(config.sourceOf('ec2', 'preempt')).toBe(`${world.configFile}:6:7`)
    expect(config.sourceOf('ec2', 'ignoreUsedCount')).toBe(`${world.configFile}:8:7`)
  })
})

test('all reference files are fine with the providers of this program', async () => {
  const names = ['short', 'long', 'server', 'client', 'modules', 'before-0.4', 'plugin', 'manual']
  for (const name of names) {
    const config = await fixture(name, { drivers: providers })
    expect(config.services.map(({ driver }) => driver)).toContain('ebs')
  }
})

describe('reference files', () => {
  test('1, the short form: a service is its driver of the same name', async () => {
    const config = await fixture('short')
    expect(config.services).toMatchObject([
      {
        name: 'ebs',
        driver: 'ebs',
        settings: { accessKey: 'AKIAEXAMPLE', secretKey: 'not-a-secret', region: 'eu-west-1' },
      },
    ])
    expect(config.warnings).toEqual([])
  })

  test('2, the long form: a named service with its driver, keys and operations', async () => {
    const config = await fixture('long')
    expect(config.services).toMatchObject([
      { name: 'volumes', driver: 'ebs', settings: { region: 'us-east-2', maxRetries: 7 } },
    ])
    expect(operations(config)).toMatchObject({
      create: { default: { sizeGiB: 8, type: 'gp2', iops: 100, fsType: 'xfs' } },
      mount: { preempt: true, path: '/mnt/rexray', rootPath: '/' },
      unmount: { ignoreUsedCount: true },
      remove: { disable: true },
      fileMode: 0o770,
    })
    expect(config.warnings.map((warning) => warning.replace(/^.*:\d+: /, ''))).toEqual(
      ['enabled', 'async'].map(
        (key) => `${OPERATIONS}.path.cache.${key} is a key of REX-Ray without effect here`,
      ),
    )
  })

  test('3, server and client: both serve their service themselves', async () => {
    for (const name of ['server', 'client']) {
      const config = await fixture(name)
      expect(config.services).toMatchObject([{ name: 'ebs', driver: 'ebs' }])
      expect(config.warnings[0]).toContain('libstorage.host is a key of REX-Ray without effect')
    }
  })

  test('4, two modules: each with its socket, service, credentials and overrides', async () => {
    const config = await fixture('modules')
    expect(config.warnings.filter((warning) => !warning.includes('.desc is a key of'))).toEqual([])
    expect(config.modules).toMatchObject([
      { host: 'unix:///run/docker/plugins/ebs1.sock', service: 'ebs1' },
      { host: 'unix:///run/docker/plugins/ebs2.sock', service: 'ebs2' },
    ])
    expect(config.services.map(({ settings }) => settings)).toMatchObject([
      { accessKey: 'AKIAONE', region: 'us-east-1' },
      { accessKey: 'AKIATWO', region: 'eu-west-1' },
    ])
    expect(config.operationsOf('default-docker', 'ebs1')).toMatchObject({
      mount: { preempt: true },
      create: { default: { sizeGiB: 16 } },
    })
    expect(config.operationsOf('ebs2', 'ebs2')).toMatchObject({
      mount: { preempt: false },
      create: { default: { sizeGiB: 2 } },
      unmount: { ignoreUsedCount: true },
    })
  })

  test('5, acceptance check 3: the style of 0.3 boots, and honours docker.size, preempt and all the others', async () => {
    const config = await fixture('before-0.4')
    expect(config.services).toMatchObject([
      { name: 'ec2', driver: 'ebs', settings: { rexrayTag: 'fleet', accessKey: 'AKIAEXAMPLE' } },
    ])
    expect(operations(config)).toMatchObject({
      create: {
        default: {
          sizeGiB: 5,
          type: 'io1',
          iops: 500,
          fsType: 'xfs',
          availabilityZone: 'us-east-1b',
        },
        disable: true,
      },
      mount: { preempt: true, path: '/mnt/old', rootPath: '/' },
      unmount: { ignoreUsedCount: true },
      remove: { disable: true },
    })
    expect(config.modules).toEqual([
      {
        name: 'default-docker',
        host: 'unix:///run/docker/plugins/rexray.sock',
        service: undefined,
        spec: '/etc/docker/plugins/rexray.spec',
      },
    ])
  })

  test('5, of which each older key is warned about once', async () => {
    const config = await fixture('before-0.4')
    const places = config.warnings.map((warning) => /:\d+: (\S+) /.exec(warning)?.[1] ?? warning)
    expect(places).toEqual([...new Set(places)])
    expect(understood(config).size).toBe(15)
    const silent = places.filter((key) => !understood(config).has(key))
    expect(silent.filter((key) => !key.startsWith('rexray.modules.'))).toEqual([
      'rexray.osDrivers',
      'rexray.volumeDrivers',
      'rexray.volume.path.cache',
    ])
  })

  test("6, the managed plugins' file works without a warning", async () => {
    const config = await fixture('plugin')
    expect(config.warnings).toEqual([])
    expect(config.services).toMatchObject([
      { name: 'ebs', driver: 'ebs', operations: { mount: { preempt: true } } },
    ])
  })

  test('7, VirtualBox: its keys in any letter case, with variables replaced', async () => {
    const config = await fixture('virtualbox', { env: { HOME: '/home/me' } })
    expect(config.warnings).toEqual([])
    expect(config.services).toMatchObject([
      {
        driver: 'virtualbox',
        settings: {
          userName: 'someone',
          volumePath: '/home/me/VirtualBox/Volumes',
          localMachineNameOrId: 'box',
          diskIDPath: '/dev/disk/by-id',
        },
      },
    ])
  })

  test("the misprints of REX-Ray's own manual say what was meant, with a warning each", async () => {
    const config = await fixture('manual')
    expect(operations(config)).toMatchObject({
      mount: { preempt: true, rootPath: '/' },
      create: { default: { sizeGiB: 3 } },
      remove: { disable: true },
    })
    expect([...understood(config).values()]).toEqual([
      `${OPERATIONS}.mount.preempt`,
      `${OPERATIONS}.create.default.size`,
      `${OPERATIONS}.remove.disable`,
      `${OPERATIONS}.mount.rootPath`,
    ])
  })
})

describe('acceptance check 8: each setting of the managed plugin changes behaviour', () => {
  const rows: readonly [string, string, (config: LoadedConfig) => unknown, unknown][] = [
    ['REXRAY_FSTYPE', 'xfs', (c) => operations(c).create.default.fsType, 'xfs'],
    ['REXRAY_LOGLEVEL', 'debug', (c) => c.logLevel, 'debug'],
    ['REXRAY_PREEMPT', 'false', (c) => operations(c).mount.preempt, false],
    [
      'LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS_MOUNT_ROOTPATH',
      '/',
      (c) => operations(c).mount.rootPath,
      '/',
    ],
    ['LINUX_VOLUME_ROOTPATH', '/', (c) => operations(c).mount.rootPath, '/'],
    ['LINUX_VOLUME_FILEMODE', '0750', (c) => operations(c).fileMode, 0o750],
    ['EBS_ACCESSKEY', 'AKIA', settingOf('accessKey'), 'AKIA'],
    ['EBS_SECRETKEY', 'secret', settingOf('secretKey'), 'secret'],
    ['EBS_REGION', 'eu-west-1', settingOf('region'), 'eu-west-1'],
    ['EBS_MAXRETRIES', '3', settingOf('maxRetries'), 3],
    ['EBS_USELARGEDEVICERANGE', 'true', settingOf('useLargeDeviceRange'), true],
  ]

  test.each(rows)('%s=%s', async (name, value, read, expected) => {
    expect(read(await fixture('plugin', { env: { [name]: '' } }))).not.toEqual(expected)
    expect(read(await fixture('plugin', { env: { [name]: value } }))).toEqual(expected)
  })
})

function settingOf(name: string): (config: LoadedConfig) => unknown {
  return ({ services: [service] }) => Object(service?.settings)[name]
}

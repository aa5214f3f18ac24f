import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigWorld, flow, type LoadOptions, nested } from '../support/config-world.ts'

const PREEMPT = 'libstorage.integration.volume.operations.mount.preempt'
const PREEMPT_VARIABLE = 'LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS_MOUNT_PREEMPT'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

describe('without any configuration', () => {
  test('no service is configured, and one socket is served', async () => {
    const config = await world.load()
    expect(config).toMatchObject({
      services: [],
      defaultService: undefined,
      primaryService: undefined,
      files: [],
      warnings: [],
      logLevel: 'warn',
    })
    expect(config.modules).toEqual([
      {
        name: 'default-docker',
        host: `unix://${world.root}/run/docker/plugins/rexray.sock`,
        service: undefined,
        spec: '/etc/docker/plugins/rexray.spec',
      },
    ])
  })

  test('a service that the program chooses gets the defaults', async () => {
    const config = await world.load()
    expect(config.resolveService('Loop', 'loop')).toEqual({
      name: 'loop',
      driver: 'loop',
      settings: {},
      operations: {
        create: {
          default: {
            sizeGiB: 16,
            type: undefined,
            iops: undefined,
            availabilityZone: undefined,
            fsType: 'ext4',
          },
          disable: false,
          implicit: false,
        },
        mount: {
          preempt: false,
          attachWaitMs: 10_000,
          preemptGraceMs: 20_000,
          path: join(world.root, 'var/lib/volumes'),
          pathIsOwn: false,
          rootPath: '/data',
          retryCount: 0,
          retryWaitMs: 5_000,
        },
        unmount: { ignoreUsedCount: false, detachDelayMs: 2_000 },
        remove: { disable: false },
        fileMode: undefined,
        attachTimeoutMs: 30_000,
      },
    })
  })

  test('a driver of which only a variable is set is no choice of a service', async () => {
    const config = await world.load({ env: { LOOP_POOL: '/pool' } })
    expect(config.services).toEqual([])
    expect(config.resolveService('loop', 'loop').settings).toEqual({ pool: '/pool' })
  })
})

describe('precedence', () => {
  const file = nested(PREEMPT, 'dead')
  const service = `libstorage: {server: {services: {vfs: {${flow(PREEMPT, 'fence')}}}}}`
  const rows: readonly [string, string, LoadOptions, unknown, string][] = [
    ['the default where nothing is said', '', {}, false, 'default'],
    ['the file over the default', file, {}, 'dead', 'FILE:6:11'],
    [
      'the older name in a file',
      'rexray: {volume: {mount: {preempt: yes}}}',
      {},
      true,
      'FILE:1:27',
    ],
    [
      'the older name without rexray',
      'volume: {mount: {preempt: FENCE}}',
      {},
      'fence',
      'FILE:1:18',
    ],
    [
      'the newer name over the older one',
      `${file}\nvolume: {mount: {preempt: true}}`,
      {},
      'dead',
      'FILE:6:11',
    ],
    [
      'REXRAY_PREEMPT over the file',
      file,
      { env: { REXRAY_PREEMPT: '1' } },
      true,
      'environment REXRAY_PREEMPT',
    ],
    [
      "the key's own variable over REXRAY_PREEMPT",
      file,
      { env: { REXRAY_PREEMPT: 'true', [PREEMPT_VARIABLE]: 'fence' } },
      'fence',
      `environment ${PREEMPT_VARIABLE}`,
    ],
    [
      'the file over variables that are empty',
      file,
      { env: { REXRAY_PREEMPT: '', [PREEMPT_VARIABLE]: '' } },
      'dead',
      'FILE:6:11',
    ],
    [
      'the flag over a variable',
      file,
      { env: { REXRAY_PREEMPT: 'true' }, flags: { properties: { [PREEMPT]: 'off' } } },
      false,
      'flag --libstorageIntegrationVolumeOperationsMountPreempt',
    ],
    [
      "a service's own key over a variable",
      service,
      { env: { REXRAY_PREEMPT: 'true' } },
      'fence',
      'FILE:1:97',
    ],
  ]

  test.each(rows)('the value in force is %s', async (_title, text, options, expected, source) => {
    const env = { LIBSTORAGE_SERVICE: 'vfs', ...options.env }
    const config = await world.loadText(`${text}\n`, { ...options, env })
    expect(config.services[0]?.operations.mount.preempt).toBe(expected)
    expect(config.sourceOf('vfs', 'preempt').replace(world.configFile, 'FILE')).toBe(source)
  })
})

describe('operations', () => {
  test('a path beneath a service is its own', async () => {
    const config = await world.loadText(
      `libstorage: {service: a, server: {services: {a: {driver: loop, ${flow('libstorage.integration.volume.operations.mount.path', '/mnt/a/')}}, b: {driver: vfs}}}}\n`,
    )
    expect(config.services.map(({ operations }) => operations.mount)).toMatchObject([
      { path: '/mnt/a', pathIsOwn: true },
      { path: join(world.root, 'var/lib/volumes'), pathIsOwn: false },
    ])
  })

  test('linux.volume.rootPath holds where mount.rootPath says nothing', async () => {
    const older = { LINUX_VOLUME_ROOTPATH: '/older' }
    const newer = { LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS_MOUNT_ROOTPATH: '/' }
    const rootPath = async (env: Record<string, string>) => {
      const config = await world.load({ env })
      return config.resolveService('loop', 'loop').operations.mount.rootPath
    }
    expect([await rootPath(older), await rootPath({ ...older, ...newer })]).toEqual(['/older', '/'])
  })

  test('a file mode is octal, however YAML would read it', async () => {
    const config = await world.loadText('linux: {volume: {fileMode: 0750}}\n')
    expect(config.resolveService('loop', 'loop').operations.fileMode).toBe(0o750)
  })

  test('beneath rexray hold for the whole program', async () => {
    const config = await world.loadText(
      'rexray:\n  loglevel: info\n  libstorage: {service: vfs}\n  linux: {volume: {filemode: 700}}\n',
    )
    expect(config.services[0]).toMatchObject({ name: 'vfs', operations: { fileMode: 0o700 } })
    expect(config.warnings).toEqual([])
  })

  test('REXRAY_FSTYPE is the file system of new volumes', async () => {
    const config = await world.load({ env: { REXRAY_FSTYPE: 'xfs' } })
    expect(config.resolveService('loop', 'loop').operations.create.default.fsType).toBe('xfs')
  })
})

describe('the default service', () => {
  const two = 'libstorage: {server: {services: {a: {driver: loop}, b: {driver: vfs}}}}\n'

  test('is the flag, then rexray.service, then libstorage.service, then the only one', async () => {
    const only = await world.loadText('libstorage: {server: {services: {Solo: {driver: vfs}}}}\n')
    expect(only.defaultService).toBe('solo')
    const text = two.replace('{server', '{service: a, server')
    expect((await world.loadText(text)).defaultService).toBe('a')
    const env = { REXRAY_SERVICE: 'B' }
    expect((await world.loadText(text, { env })).defaultService).toBe('b')
    expect((await world.loadText(text, { env, flags: { service: 'a' } })).defaultService).toBe('a')
  })

  test('of several has to be said', async () => {
    await expect(world.loadText(two)).rejects.toThrow(
      'libstorage.service is not set while there are several services (a, b), ' +
        'set it to the one that is meant when none is named, or give --service',
    )
  })

  test('is that of the modules where they alone name services', async () => {
    const modules = 'rexray: {modules: {default-docker: {libstorage: {service: b}}}}\n'
    expect((await world.loadText(two + modules)).defaultService).toBe('b')
    const short = await world.loadText(modules.replace('service: b', 'service: vfs'))
    expect(short.services.map(({ driver }) => driver)).toEqual(['vfs'])
  })
})

test.each(['16', '016', '16g', '16GB', '"16 GiB"'])(
  'a size of %s is understood as in a Create',
  async (size) => {
    const text = `libstorage: {service: loop, integration: {volume: {operations: {create: {default: {size: ${size}}}}}}}`
    const { services } = await world.loadText(text)
    expect(services[0]?.operations.create.default.sizeGiB).toBe(16)
  },
)

test.each(['0', '16MB', '1.5', '-1', '16GBs', 'GB'])('a size of %s is refused', async (size) => {
  const text = `libstorage: {service: loop, integration: {volume: {operations: {create: {default: {size: ${size}}}}}}}`
  await expect(world.loadText(text)).rejects.toThrow(`is "${size}", use a whole number of GiB`)
})

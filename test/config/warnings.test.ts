import { chmod } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigWorld } from '../support/config-world.ts'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

describe('warnings', () => {
  const rows: readonly [string, string | undefined][] = [
    [
      'libstorage: {servce: x}',
      'libstorage.servce is a key that nobody knows, did you mean libstorage.service',
    ],
    [
      'libstorage: {server: {services: {vfs: {drvier: vfs}}}}',
      'libstorage.server.services.vfs.drvier is a key that nobody knows, did you mean libstorage.server.services.vfs.driver',
    ],
    [
      'libstorage: {integraton: {}}',
      'libstorage.integraton is a key that nobody knows, did you mean libstorage.integration',
    ],
    ['rexay: {}', 'rexay is a key that nobody knows, did you mean rexray'],
    ['libstorge:', 'libstorge is a key that nobody knows, did you mean libstorage'],
    [
      'rexray: {modles: {}}',
      'rexray.modles is a key that nobody knows, did you mean rexray.modules',
    ],
    [
      'rexray: {modules: {m: {libstrage: {}}}}',
      'rexray.modules.m.libstrage is a key that nobody knows, did you mean rexray.modules.m.libstorage',
    ],
    [
      'libstorage: {server: {servces: {}}}',
      'libstorage.server.servces is a key that nobody knows, did you mean libstorage.server.services',
    ],
    [
      'libstorage: {server: {services: {vfs: {lop: {}}}}}',
      'libstorage.server.services.vfs.lop is a key that nobody knows, did you mean libstorage.server.services.vfs.loop',
    ],
    [
      'libstorage: {integration: {volume: {operations: {mout: {}}}}}',
      'libstorage.integration.volume.operations.mout is a key that nobody knows, did you mean libstorage.integration.volume.operations.mount',
    ],
    ['libstorage: {x: {}}', 'libstorage.x is a key that nobody knows'],
    ['xy: {}', 'xy is a key that nobody knows'],
    ['zebra: {crossing: 1}', 'zebra.crossing is a key that nobody knows'],
    ['libstorage: {host: "tcp://x:1"}', 'libstorage.host is a key of REX-Ray without effect here'],
    [
      'rexray: {libstorage: {embedded: true}}',
      'rexray.libstorage.embedded is a key of REX-Ray without effect here',
    ],
    [
      'libstorage: {server: {endpoints: {public: {address: "tcp://:7979"}}}}',
      'libstorage.server.endpoints.public.address is a key of REX-Ray without effect here',
    ],
    ['rexray: {modules: {default-docker: {vfs: {pool: /x}}}}', undefined],
    [
      'libstorage: {integration: {volume: {operations: {remove: {force: true}}}}}',
      'libstorage.integration.volume.operations.remove.force is a key of REX-Ray without effect here',
    ],
    ['scaleio: {endpoint: x}', 'scaleio.endpoint is a key of REX-Ray without effect here'],
    ['libstorage: {server: {vfs: {pool: /x}}}', undefined],
  ]

  test.each(rows)('of %s the warning is %j', async (text, expected) => {
    const config = await world.loadText(`${text}\n`, { env: { LIBSTORAGE_SERVICE: 'vfs' } })
    const place = `${world.configFile}:1: `
    expect(config.warnings).toEqual(expected === undefined ? [] : [place + expected])
  })

  test('--host is understood without effect', async () => {
    const config = await world.load({ flags: { host: 'tcp://x:1', service: 'vfs' } })
    expect(config.warnings).toEqual(['flag --host is one of REX-Ray without effect here'])
  })
})

describe('older names', () => {
  test('in flags and variables are warned about as well', async () => {
    const config = await world.load({
      env: { LIBSTORAGE_SERVICE: 'vfs', DOCKER_SIZE: '4', REXRAY_VOLUME_MOUNT_PREEMPT: 'true' },
      flags: { properties: { volumeCreateDisable: 'true' } },
    })
    expect(config.services[0]?.operations).toMatchObject({
      create: { default: { sizeGiB: 4 }, disable: true },
      mount: { preempt: true },
    })
    const operations = 'libstorage.integration.volume.operations'
    expect(config.warnings).toEqual([
      `environment DOCKER_SIZE is understood as ${operations}.create.default.size, set that`,
      `flag --volumeCreateDisable is understood as ${operations}.create.disable, set that`,
      `environment REXRAY_VOLUME_MOUNT_PREEMPT is understood as ${operations}.mount.preempt, set that`,
    ])
  })

  test('say nothing where that of today does, wherever both stand', async () => {
    const text =
      'libstorage: {service: ec2}\nebs: {region: eu}\naws: {region: us, accessKey: AKIA}\n'
    const config = await world.loadText(text, { env: { AWS_REGION: 'ap', DOCKER_SIZE: '4' } })
    expect(config.services[0]?.settings).toMatchObject({ region: 'eu', accessKey: 'AKIA' })
    expect(config.services[0]?.operations.create.default.sizeGiB).toBe(4)
  })

  test('fall through from ebs to aws to ec2 where nothing is said', async () => {
    const text =
      'libstorage: {service: ebs}\nebs: {region: ""}\nec2: {region: c}\naws: {region: b}\n'
    expect((await world.loadText(text)).services[0]?.settings).toMatchObject({ region: 'b' })
  })

  test('of the log level, and the switches of developers, are understood', async () => {
    const text = 'libstorage: {service: vfs, logging: {level: info}}\n'
    expect((await world.loadText(text)).logLevel).toBe('info')
    expect((await world.loadText(text, { env: { REXRAY_DEBUG: '1' } })).logLevel).toBe('debug')
  })
})

describe('a secret in a file that everybody may read', () => {
  const text =
    'libstorage: {service: ebs}\nebs: {accessKey: AKIA, secretKey: $KEY}\nscaleio: {password: x}\n'

  test('is warned about, unless a variable holds it', async () => {
    const config = await world.loadText(text, { env: { KEY: 'secret' } })
    const said = config.warnings.filter((warning) => warning.includes('is a secret'))
    expect(said).toEqual([
      `${world.configFile}:2: ebs.accessKey is a secret that every user of this machine may read, chmod 600 ${world.configFile}`,
      `${world.configFile}:3: scaleio.password is a secret that every user of this machine may read, chmod 600 ${world.configFile}`,
    ])
  })

  test('says nothing where only its owner may', async () => {
    await chmod(await world.write('etc/config.yml', text), 0o600)
    const config = await world.load({ env: { KEY: 'secret' } })
    expect(config.warnings.filter((warning) => warning.includes('is a secret'))).toEqual([])
  })
})

import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigWorld, failure } from '../support/config-world.ts'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

describe('modules', () => {
  test('get a socket of their name, and the default one stays', async () => {
    const config = await world.loadText(
      'rexray:\n  modules:\n    My Vol_2: {type: docker, desc: x}\n    off: {disabled: yes, host: /x}\n' +
        '    net: {host: "tcp://127.0.0.1:7979", libstorage: {service: VFS}}\n',
    )
    const plugins = `unix://${world.root}/run/docker/plugins`
    expect(config.modules).toEqual([
      {
        name: 'default-docker',
        host: `${plugins}/rexray.sock`,
        service: undefined,
        spec: '/etc/docker/plugins/rexray.spec',
      },
      {
        name: 'my vol_2',
        host: `${plugins}/my-vol-2.sock`,
        service: undefined,
        spec: '/etc/docker/plugins/my-vol-2.spec',
      },
      {
        name: 'net',
        host: 'tcp://127.0.0.1:7979',
        service: 'vfs',
        spec: '/etc/docker/plugins/net.spec',
      },
    ])
  })

  test('default-csi is another name of the default one, and can be switched off', async () => {
    const config = await world.loadText('rexray: {modules: {default-csi: {type: csi}}}\n')
    expect(config.modules.map(({ name }) => name)).toEqual(['default-csi'])
    const off = await world.loadText('rexray: {modules: {default-csi: {disabled: true}}}\n')
    expect(off.modules).toEqual([])
  })

  test('two on one socket are an error', async () => {
    await expect(
      world.loadText(
        'rexray:\n  modules:\n    a: {host: /x.sock}\n    b: {host: "unix:///x.sock"}\n',
      ),
    ).rejects.toThrow(
      'config.yml:4:9: module "b" has the same host as module "a" (unix:///x.sock), set rexray.modules.b.host to another one',
    )
  })
})

test('two on one socket are an error also where a link leads there', async () => {
  await world.write('run/x/file', '')
  await symlink('run', join(world.root, 'var'))
  const hosts = [`${world.root}/run/x/a.sock`, `${world.root}/var/x/a.sock`]
  const [one, two] = hosts.map((host) => `{host: ${host}}`)
  await expect(world.loadText(`rexray: {modules: {a: ${one}, b: ${two}}}\n`)).rejects.toThrow(
    `module "b" has the same host as module "a" (unix://${world.root}/var/x/a.sock)`,
  )
})

describe('what stands beneath a module', () => {
  const beneath = (module: string, keys: string) =>
    `libstorage: {service: vfs}\nrexray: {modules: {${module}: {${keys}}}}\n`
  const operation = (keys: string) => `libstorage: {integration: {volume: {operations: {${keys}}}}}`

  test('holds for its calls alone, before what stands beneath the service, flags and variables', async () => {
    const services =
      `libstorage: {service: vfs, server: {services: {vfs: {driver: vfs, ${operation('mount: {preempt: dead}')}}}}}\n` +
      `rexray: {modules: {m: {${operation('mount: {preempt: fence}')}}}}\n`
    const config = await world.loadText(services, { env: { REXRAY_PREEMPT: 'true' } })
    expect(config.services[0]?.operations.mount.preempt).toBe('dead')
    expect(config.operationsOf('m', 'vfs')?.mount.preempt).toBe('fence')
    expect(config.operationsOf('default-docker', 'vfs')).toBeUndefined()
    expect(config.sourceOf('vfs', 'preempt', 'm')).toMatch(/config\.yml:2:\d+$/)
  })

  test('may be an older key, also beneath its own rexray', async () => {
    const volume = 'volume: {unmount: {ignoreUsedCount: true}}'
    for (const keys of [volume, `rexray: {${volume}}`]) {
      const config = await world.loadText(beneath('m', keys))
      expect(config.operationsOf('m', 'vfs')?.unmount.ignoreUsedCount).toBe(true)
      expect(config.warnings).toEqual([expect.stringMatching(/ is understood as libstorage\./)])
    }
  })

  test('is a mistake where it is wrong, though no call came yet', async () => {
    const error = await failure(world.loadText(beneath('m', operation('mount: {preempt: maybe}'))))
    expect(error.message).toContain('mount.preempt is "maybe", use one of true, false, dead, fence')
  })

  test('says where volumes lie, and how the driver works, where it is the only one of its service', async () => {
    const keys = `${operation('mount: {path: /mnt/m}')}, loop: {pool: /pool}`
    const config = await world.loadText(
      `libstorage: {service: loop}\nrexray: {modules: {default-docker: {${keys}}}}\n`,
    )
    expect(config.services).toMatchObject([
      { settings: { pool: '/pool' }, operations: { mount: { path: '/mnt/m', pathIsOwn: true } } },
    ])
    expect(config.operationsOf('default-docker', 'loop')).toBeUndefined()
  })

  test.each([
    [operation('mount: {path: /mnt/m}'), 'operations.mount.path'],
    ['linux: {volume: {fileMode: 0700}}', 'linux.volume.fileMode'],
    ['vfs: {pool: /pool}', 'vfs.pool'],
  ])('is refused where another module of the service says otherwise: %s', async (keys, key) => {
    const error = await failure(world.loadText(beneath('m', keys)))
    expect(error.message).toContain(
      `${key} differs from what module "default-docker" has, which offers the same service "vfs", ` +
        'give module "m" a service of its own beneath libstorage.server.services, or disable the other one',
    )
  })

  test('is well where all modules of the service say the same', async () => {
    const keys = 'linux: {volume: {fileMode: 0700}}'
    const config = await world.loadText(
      `libstorage: {service: vfs}\nrexray: {modules: {m: {${keys}}, default-docker: {${keys}}}}\n`,
    )
    expect(config.services[0]?.operations.fileMode).toBe(0o700)
  })
})

describe('modules of older versions', () => {
  test("that served REX-Ray's administration are left out with a warning", async () => {
    const config = await world.loadText(
      'libstorage: {service: vfs}\nrexray:\n  modules:\n    default-admin: {type: admin, host: "tcp://127.0.0.1:7979"}\n    other: {type: admin}\n',
    )
    expect(config.modules.map(({ name }) => name)).toEqual(['default-docker'])
    expect(config.warnings.map((warning) => warning.replace(/^.*:\d+: /, ''))).toEqual([
      "rexray.modules.default-admin.type is for REX-Ray's own administration, the module is left out",
      "rexray.modules.other.type is for REX-Ray's own administration, the module is left out",
    ])
  })

  test('name their spec file, and choose their service by storageDrivers', async () => {
    const config = await world.loadText(
      'libstorage: {service: vfs}\nrexray:\n  modules:\n    m: {host: "tcp://:7000", spec: /etc/docker/plugins/mine.spec, rexray: {storageDrivers: [ec2]}}\n',
    )
    expect(config.modules[1]).toMatchObject({
      service: 'ec2',
      spec: '/etc/docker/plugins/mine.spec',
    })
    expect(config.services.map(({ name, driver }) => [name, driver])).toEqual([
      ['vfs', 'vfs'],
      ['ec2', 'ebs'],
    ])
  })
})

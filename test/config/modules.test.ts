import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigWorld } from '../support/config-world.ts'

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

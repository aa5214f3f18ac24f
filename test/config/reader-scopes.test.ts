import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigWorld, failure } from '../support/config-world.ts'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

const both = async () => ({
  server: await world.load({ reader: 'server' }),
  command: await world.load({ reader: 'command' }),
})

describe('beneath rexray.cli and rexray.agent', () => {
  test('a key holds for commands, or for the server', async () => {
    await world.write(
      'etc/config.yml',
      `
libstorage: {service: vfs}
docker: {size: 3}
rexray:
  cli:
    rexray: {logLevel: debug}
    docker: {size: 1}
  agent:
    rexray: {logLevel: error}
    libstorage: {integration: {volume: {operations: {mount: {preempt: true}}}}}
`,
    )
    const { server, command } = await both()
    expect([server.logLevel, command.logLevel]).toEqual(['error', 'debug'])
    expect(server.services[0]?.operations).toMatchObject({
      mount: { preempt: true },
      create: { default: { sizeGiB: 3 } },
    })
    expect(command.services[0]?.operations).toMatchObject({
      mount: { preempt: false },
      create: { default: { sizeGiB: 1 } },
    })
    expect(server.sourceOf('vfs', 'preempt')).toBe(`${world.configFile}:10:62`)
  })

  test('a service of commands is none whose volumes lie in the path itself', async () => {
    await world.write(
      'etc/config.yml',
      `
libstorage: {server: {services: {one: {driver: vfs}, two: {driver: vfs}}}}
rexray:
  cli: {libstorage: {service: two}}
  agent: {libstorage: {service: one}}
`,
    )
    const { server, command } = await both()
    expect([server.defaultService, server.primaryService]).toEqual(['one', 'one'])
    expect([command.defaultService, command.primaryService]).toEqual(['two', 'one'])
    const flagged = await world.load({ reader: 'command', flags: { service: 'one' } })
    expect(flagged.defaultService).toBe('one')
  })

  test('goes after a flag and a variable, and before the rest of the file', async () => {
    const text = 'rexray: {cli: {rexray: {logLevel: info}}, logLevel: error}\n'
    const level = async (options: object) =>
      (await world.loadText(text, { reader: 'command', ...options })).logLevel
    const env = { REXRAY_LOGLEVEL: 'debug' }
    expect([await level({}), await level({ env })]).toEqual(['info', 'debug'])
    expect(await level({ env, flags: { logLevel: 'warn' } })).toBe('warn')
  })

  test('where a volume lies and how its platform is reached is what the server has', async () => {
    await world.write(
      'etc/config.yml',
      `
libstorage: {service: vfs}
rexray:
  agent: {vfs: {pool: /agents}, docker: {mountDirPath: /mnt/agents}}
  cli: {vfs: {pool: /mine}, docker: {mountDirPath: /mnt/mine}}
`,
    )
    const { server, command } = await both()
    expect(command.services).toEqual(server.services)
    expect(server.services[0]).toMatchObject({
      settings: { pool: '/agents' },
      operations: { mount: { path: '/mnt/agents' } },
    })
    const why = 'has no effect, since commands work on what the server has'
    expect(server.warnings.filter((warning) => warning.includes(why))).toHaveLength(2)
  })

  test('a driver without a service is one that nobody chose', async () => {
    const error = await failure(world.loadText('rexray: {agent: {vfs: {pool: /x}}}\n'))
    expect(error.message).toContain('set libstorage.service to vfs')
  })
})

test('a key beneath libstorage.client holds for everybody', async () => {
  await world.write(
    'etc/config.yml',
    `
libstorage:
  service: vfs
  client:
    type: integration
    linux: {volume: {fileMode: 0750}}
    libstorage: {integration: {volume: {operations: {unmount: {ignoreUsedCount: true}}}}}
`,
  )
  for (const { services, warnings } of Object.values(await both())) {
    expect(services[0]?.operations).toMatchObject({
      fileMode: 0o750,
      unmount: { ignoreUsedCount: true },
    })
    expect(warnings).toEqual([
      `${world.configFile}:5: libstorage.client.type is a key of REX-Ray without effect here`,
    ])
  }
})

test('a wrong value in any of these scopes is a mistake of its reader, and a wrong key is warned about', async () => {
  const text =
    'rexray: {agent: {docker: {size: big}}, cli: {docker: {size: huge}, libstorage: {servce: x}}}\n'
  const error = await failure(world.loadText(text, { env: { LIBSTORAGE_SERVICE: 'vfs' } }))
  expect(error.message).toContain('rexray.agent.docker.size is "big"')
  const { warnings, mistakes } = await world.examine({ env: { LIBSTORAGE_SERVICE: 'vfs' } })
  expect(warnings.map(({ sentence }) => sentence)).toContain(
    'rexray.cli.libstorage.servce is a key that nobody knows, did you mean rexray.cli.libstorage.service',
  )
  expect(mistakes.map(({ subject }) => subject)).toEqual([
    'rexray.agent.docker.size',
    'rexray.cli.docker.size',
  ])
})

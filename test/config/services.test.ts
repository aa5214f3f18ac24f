import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { providers as drivers } from '../../src/providers/index.ts'
import { ConfigWorld, failure } from '../support/config-world.ts'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

const env = { REXRAY_DEFAULTSERVICE: 'ebs' }

describe('rexray.defaultService', () => {
  test('is served where nobody chooses a service', async () => {
    const { services, defaultService } = await world.load({ drivers, env })
    expect(services).toMatchObject([{ name: 'ebs', driver: 'ebs' }])
    expect(defaultService).toBe('ebs')
  })

  test('is served with what a file says of its driver', async () => {
    const config = await world.loadText('ebs:\n  region: eu-west-1\n', { drivers, env })
    expect(config.services[0]?.settings).toMatchObject({ region: 'eu-west-1' })
  })

  test.each([
    ['libstorage.service', 'libstorage: {service: loop}'],
    ['a service of a file', 'libstorage: {server: {services: {logs: {driver: loop}}}}'],
    ['a key of 0.3', 'rexray: {storageDrivers: [loop]}'],
    ['a module', 'rexray: {modules: {default-docker: {libstorage: {service: loop}}}}'],
  ])('gives way to %s', async (_what, text) => {
    const { services } = await world.loadText(text, { drivers, env })
    expect(services.map(({ driver }) => driver)).toEqual(['loop'])
  })

  test('gives way to a variable', async () => {
    const { services } = await world.load({ drivers, env: { ...env, LIBSTORAGE_SERVICE: 'vfs' } })
    expect(services.map(({ driver }) => driver)).toEqual(['vfs'])
  })

  test.each([
    ['another driver is configured', 'vfs: {instance: here}', /vfs.* no service is chosen/],
    ['a choice comes to nothing', 'libstorage: {service: }', /no service is chosen/],
    ['another key may have been meant', 'libstorag: {service: loop}', /no service is chosen/],
  ])('is not served where %s', async (_what, text, said) => {
    const { message } = await failure(world.loadText(text, { drivers, env }))
    expect(message).toMatch(said)
  })

  test('has to be a driver', async () => {
    const wrong = { REXRAY_DEFAULTSERVICE: 'ebss' }
    const { message } = await failure(world.load({ drivers, env: wrong }))
    expect(message).toMatch(/^environment REXRAY_DEFAULTSERVICE: .*did you mean ebs/)
  })
})

test('a variable that is empty leaves the one of /etc/environment in force', async () => {
  await world.write('environment', 'LIBSTORAGE_SERVICE=loop\nREXRAY_LOGLEVEL=debug\n')
  const given = { LIBSTORAGE_SERVICE: '', REXRAY_LOGLEVEL: 'info' }
  const { defaultService, logLevel } = await world.load({ drivers, env: given })
  expect([defaultService, logLevel]).toEqual(['loop', 'info'])
})

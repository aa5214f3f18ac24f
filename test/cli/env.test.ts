import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { CommandLine } from '../support/command-line.ts'
import { ConfigWorld } from '../support/config-world.ts'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

const cloud = {
  name: 'cloud',
  aliases: ['sky'],
  settings: z.object({
    secretKey: z.string().optional().meta({ secret: true }),
    region: z.string().default('here'),
  }),
}

test('prints every setting as its variable, sorted, with secrets masked', async () => {
  const text =
    'cloud: {secretKey: hidden, region: "http://bob:hidden@there"}\nrexray: {logLevel: debug}\nlibstorage: {service: cloud}\n'
  const config = await world.loadText(text, { drivers: [cloud] })
  const line = new CommandLine()
  line.config = { variables: () => config.variables() }
  const { status, stdout } = await line.run('env')
  expect(status).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines).toEqual(lines.toSorted())
  expect(lines).toEqual(
    expect.arrayContaining([
      'CLOUD_REGION=http://bob:***@there',
      'CLOUD_SECRETKEY=***',
      'LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS_MOUNT_PREEMPT=false',
      'LIBSTORAGE_SERVICE=cloud',
      'LINUX_VOLUME_FILEMODE=',
      'REXRAY_LOGLEVEL=debug',
    ]),
  )
  expect(stdout).not.toContain('hidden')
})

test('a variable that env prints sets what it names', async () => {
  const name = 'LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS_MOUNT_PREEMPT'
  const config = await world.load({ env: { [name]: 'fence' }, drivers: [cloud] })
  expect(config.variables()).toContainEqual({ name, value: 'fence', isSecret: false })
  expect(config.variables()).toContainEqual({
    name: 'CLOUD_SECRETKEY',
    value: '',
    isSecret: true,
  })
})

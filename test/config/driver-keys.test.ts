import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigWorld } from '../support/config-world.ts'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

describe("a driver's keys", () => {
  const text = 'libstorage: {service: ec2}\naws: {region: eu, maxRetries: "7"}\n'

  test('are found in the sections of its aliases, and read as what its schema says', async () => {
    const env = { EC2_USELARGEDEVICERANGE: '1', EBS_ZONES: 'a  b', EBS_MODE: '' }
    const config = await world.loadText(text, { env })
    expect(config.services[0]).toMatchObject({
      name: 'ec2',
      driver: 'ebs',
      settings: {
        region: 'eu',
        maxRetries: 7,
        useLargeDeviceRange: true,
        zones: ['a', 'b'],
        mode: 'quick',
      },
    })
  })

  test("beneath a service are that service's alone, and go before variables", async () => {
    const services =
      'libstorage:\n  service: One\n  server:\n    services:\n      One: {driver: ebs, ebs: {region: eu}}\n' +
      '      two: {driver: ec2}\n'
    const config = await world.loadText(services, { env: { EBS_REGION: 'us' } })
    expect(config.services.map(({ name, settings }) => [name, settings])).toMatchObject([
      ['one', { region: 'eu' }],
      ['two', { region: 'us' }],
    ])
    expect(config.defaultService).toBe('one')
  })
})

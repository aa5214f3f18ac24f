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

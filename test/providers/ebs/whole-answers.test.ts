import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UnavailableError } from '../../../src/libstorage/errors.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'

let world: EbsWorld
const servers: Server[] = []
beforeEach(async () => {
  world = await EbsWorld.open()
})
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
  await world.close()
})

/** The provider of a machine whose requests to EC2 all have this answer. */
async function answeredWith(status: number, text: string): Promise<Provider> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => response.writeHead(status, { 'content-type': 'text/html' }).end(text))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return await world.provider(world.here, { endpoint, maxRetries: 0, statusTimeout: '200ms' })
}

const PAGE = '<html><body>The line is being worked on</body></html>'
const CASES: readonly (readonly [what: string, status: number, text: string])[] = [
  ['nothing', 200, ''],
  ['a page', 200, PAGE],
  ['a page of another address', 302, PAGE],
]

describe.each(CASES)('%s in place of an answer of EC2 (status %d)', (_, status, text) => {
  test('is no list of volumes, no instance that is gone, and no change that was made', async () => {
    const { driver: real } = await world.provider()
    const { id } = await real.createVolume(ebsSpec('data'))
    await real.attachVolume(id, world.here.id)
    const { driver } = await answeredWith(status, text)
    const calls = [
      () => driver.volumes({ name: 'data' }),
      () => driver.volume(id),
      () => driver.instances?.status(world.here.id),
      () => driver.detachVolume(id, world.here.id),
      () => driver.removeVolume(id),
      () => driver.attachVolume(id, world.here.id),
      () => driver.createVolume(ebsSpec('other')),
    ]
    for (const call of calls) {
      const said = Promise.resolve(call())
      await expect(said, String(call)).rejects.toThrow(UnavailableError)
      await expect(said).rejects.toThrow(`status ${status}`)
    }
  })
})

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

/** The provider of a machine that gets half of each answer to such a request, as one that ends there. */
async function throughWhatCuts(action: string): Promise<Provider> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    const passed = await fetch(world.simulator.endpoint, {
      method: 'POST',
      headers: request.headers as Record<string, string>,
      body,
    })
    const text = await passed.text()
    const isCut = body.includes(`Action=${action}&`)
    response.writeHead(passed.status).end(isCut ? text.slice(0, text.length / 2) : text)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return await world.provider(world.here, { endpoint, maxRetries: 0 })
}

const PAGE = '<html><body>The line is being worked on</body></html>'
const OPEN_PAGE = '<html><body>Log in<br></body></html>'
const HALF = '<?xml version="1.0"?><DescribeVolumesResponse><requestId>r</requestId><volumeSet>'
const CASES: readonly (readonly [what: string, status: number, text: string])[] = [
  ['nothing', 200, ''],
  ['a page', 200, PAGE],
  ['a page that is no XML', 200, OPEN_PAGE],
  ['a word', 200, 'blocked'],
  ['half an answer', 200, HALF],
  ['a page of another address', 302, PAGE],
  ['a page that is missing', 404, PAGE],
  ['a page that is missing and no XML', 404, OPEN_PAGE],
  ['a page of a gateway that is no XML', 502, OPEN_PAGE],
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

test('an answer to an attach that is cut short is a lost one: EC2 is asked what became of it', async () => {
  const { driver: real } = await world.provider()
  const { id } = await real.createVolume(ebsSpec('data'))
  const { driver } = await throughWhatCuts('AttachVolume')
  const attachment = await driver.attachVolume(id, world.here.id)
  expect(attachment).toMatchObject({ volumeId: id, instanceId: world.here.id })
  expect(world.simulator.count('AttachVolume')).toBe(1)
})

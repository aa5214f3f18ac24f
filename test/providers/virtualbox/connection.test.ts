import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  PermissionDeniedError,
  TimeoutError,
  UnavailableError,
} from '../../../src/libstorage/errors.ts'
import { Certificates, hasOpenssl } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { gate } from '../../support/gate.ts'
import { ApiError } from '../../support/virtualbox/model.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld | undefined
let server: Server | undefined
afterEach(async () => {
  await world?.close()
  server?.closeAllConnections()
  server?.close()
  world = undefined
  server = undefined
})

/** The volumes that a service answers with, whose address and password are as given. */
async function volumes(
  settings: Readonly<Record<string, unknown>>,
  timeoutMs?: number,
): Promise<unknown> {
  world ??= new VirtualboxWorld()
  const limit = timeoutMs === undefined ? {} : { timeoutMs }
  return (await world.process(world.here, settings, limit)).provider.driver.volumes()
}

/** Something on the host that answers this to everything. */
async function answering(body: string): Promise<string> {
  server = createServer((request, response) => {
    request.resume()
    response.end(body)
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('a web service', () => {
  test('that does not run is unavailable, and the error says what to start', async () => {
    const asked = volumes({ endpoint: 'http://127.0.0.1:9' })
    await expect(asked).rejects.toThrow(UnavailableError)
    await expect(asked).rejects.toThrow(
      /the VirtualBox web service at http:\/\/127.0.0.1:9 cannot be reached .*start vboxwebsrv/,
    )
  })

  test('is told of without a password that stands in its address', async () => {
    const endpoint = 'http://bob:hunter2@127.0.0.1:1'
    const error = await volumes({ endpoint }).catch(String)
    expect(error).toContain('the VirtualBox web service at http://bob:***@127.0.0.1:1')
  })

  test('that refuses the logon says so, without the password', async () => {
    world = new VirtualboxWorld({ user: { name: 'me', password: 'right' } })
    const asked = volumes({ userName: 'me', password: 'wrong-secret' })
    await expect(asked).rejects.toThrow(PermissionDeniedError)
    await expect(asked).rejects.toThrow(/refused the logon of me.*websrvauthlibrary null/)
    await expect(asked).rejects.not.toThrow('wrong-secret')
    expect(await volumes({ userName: 'me', password: 'right' })).toEqual([])
  })

  test('that has lost VBoxSVC has to be restarted', async () => {
    world = new VirtualboxWorld()
    const { driver } = await world.provider()
    expect(await driver.volumes()).toEqual([])
    world.host.died = 'killed'
    const before = driver.volumes()
    await expect(before).rejects.toThrow(UnavailableError)
    await expect(before).rejects.toThrow(/has lost VBoxSVC.*restart vboxwebsrv/)
    await expect(volumes({})).rejects.toThrow(/has lost VBoxSVC/)
  })

  test('that does not answer in time is given up', async () => {
    world = new VirtualboxWorld()
    world.service.gates.set('IVirtualBox_getHardDisks', new Promise(() => {}))
    const asked = volumes({}, 50)
    await expect(asked).rejects.toThrow(TimeoutError)
    await expect(asked).rejects.toThrow(/did not answer within 0.05 s/)
  })

  test.each([
    ['a page', '<html><body>It works!</body></html>'],
    [
      'half an answer',
      '<E:Envelope xmlns:E="http://x"><E:Body><v:IWebsessionManager_logonResponse><returnval>ab',
    ],
    ['nothing', ''],
    ['entities', '<!DOCTYPE a [<!ENTITY b "c">]><Envelope><Body>&b;</Body></Envelope>'],
  ])('that answers with %s is none', async (_, body) => {
    const asked = volumes({ endpoint: await answering(body) })
    await expect(asked).rejects.toThrow(UnavailableError)
    await expect(asked).rejects.toThrow(/answered with what is no SOAP/)
  })

  test('of version 5.0, whose disks have no descriptions, keeps the same of them', async () => {
    world = new VirtualboxWorld({ version: '5_0' })
    const { driver } = await world.provider()
    const made = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: { a: 'ü<&>"' } })
    await driver.attachVolume(made.id, world.here.machine.id)
    const [seen] = await (await world.provider()).driver.volumes({ name: 'data' })
    expect(seen).toMatchObject({ labels: { a: 'ü<&>"' }, managed: true, state: 'in-use' })
    expect(world.host.died).toBeUndefined()
  })

  test('of version 5.0 copies its disks, and their marks stay on them meanwhile', async () => {
    world = new VirtualboxWorld({ version: '5_0' })
    const { driver } = await world.provider()
    const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
    const source = { kind: 'volume', id } as const
    const { disks } = world.host
    disks.holdsCopies = true
    const copying = driver.createVolume({ name: 'copy', sizeGiB: 1, labels: {}, source })
    await eventually(() => expect(disks.copies).toBe(1))
    expect(await driver.volume(id)).toMatchObject({ name: 'data', managed: true })
    disks.finishMaking()
    const copy = await copying
    expect(copy).toMatchObject({ name: 'copy', madeFrom: 'volume' })
    expect(await driver.volume(id)).toMatchObject({ name: 'data', managed: true })
    expect(world.host.died).toBeUndefined()
  })

  test.each(['6_1', '7_0', '7_1', '7_2'])(
    'of version %s has a volume made, attached, copied, known again, detached and removed',
    async (version) => {
      world = new VirtualboxWorld({ version })
      const { driver } = await world.provider()
      const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: { a: 'b' } })
      const source = { kind: 'volume', id } as const
      const copy = await driver.createVolume({ name: 'copy', sizeGiB: 1, labels: {}, source })
      await driver.attachVolume(id, world.here.machine.id)
      const { driver: later } = await world.provider()
      const known = await later.volumes()
      expect(known.toSorted((one, other) => one.name.localeCompare(other.name))).toMatchObject([
        { name: 'copy', madeFrom: 'volume', state: 'available' },
        { name: 'data', managed: true, state: 'in-use' },
      ])
      expect(await later.volume(id)).toMatchObject({ labels: { a: 'b' } })
      await later.detachVolume(id, world.here.machine.id)
      for (const one of [id, copy.id]) await later.removeVolume(one)
      expect(await driver.volumes()).toEqual([])
      expect(world.host.died).toBeUndefined()
    },
  )

  test.each([false, true])(
    'of version 7.2 copies a disk without its properties, which it has again also where that fails (%s)',
    async (fails) => {
      world = new VirtualboxWorld()
      const { service, host } = world
      const { driver } = await world.provider()
      const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
      world.medium(id).properties.set('Special/theirs', 'x')
      if (fails)
        service.failNext('IMedium_cloneToBase', () => {
          service.failNext('IMedium_setProperty', () => new ApiError(0x80bb0007, 'It is locked'))
          return new ApiError(0x80bb0004, 'The disk is full (VERR_DISK_FULL)')
        })
      const source = { kind: 'volume', id } as const
      const copied = driver.createVolume({ name: 'copy', sizeGiB: 1, labels: {}, source })
      if (fails) await expect(copied).rejects.toThrow('make room on the disk of the host')
      else expect(await copied).toMatchObject({ madeFrom: 'volume' })
      expect(world.medium(id).properties.get('Special/theirs')).toBe('x')
      expect(host.died).toBeUndefined()
    },
  )
})

describe('the web session of a provider that is closed', () => {
  test('is ended', async () => {
    world = new VirtualboxWorld()
    const provider = await world.provider()
    await provider.driver.volumes()
    expect(world.service.sessions.count).toBe(1)
    await provider.close?.()
    expect(world.service.sessions.count).toBe(0)
  })

  test('is left to a host that does not answer', async () => {
    world = new VirtualboxWorld()
    const provider = await world.provider()
    await provider.driver.volumes()
    const { promise, resolve } = gate()
    world.service.gates.set('IWebsessionManager_logoff', promise)
    await provider.close?.()
    resolve()
    expect(provider.close).toBeDefined()
  })

  test('was never begun where nobody asked', async () => {
    world = new VirtualboxWorld()
    const { provider, entrance } = await world.process()
    await provider.close?.()
    expect(entrance.calls).toEqual([])
  })
})

describe.skipIf(!hasOpenssl)('over TLS', () => {
  let folder: string
  let certificates: Certificates

  test('its certificate is verified, unless that is left out', async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'remora-tls-'))
    try {
      certificates = new Certificates(folder)
      certificates.issue('server')
      const text = (file: string) => readFileSync(certificates.path(file), 'utf8')
      world = new VirtualboxWorld({ tls: { key: text('server.key'), cert: text('server.pem') } })
      const asked = volumes({})
      await expect(asked).rejects.toThrow(UnavailableError)
      await expect(asked).rejects.toThrow(/certificate that is not trusted.*virtualbox.caFile/)
      expect(await volumes({ caFile: certificates.path('ca.pem') })).toEqual([])
      expect(await volumes({ tlsInsecure: true })).toEqual([])
      await expect(volumes({ caFile: '/nowhere.pem' })).rejects.toThrow('cannot be read (ENOENT)')
      const noCertificate = volumes({ caFile: certificates.path('server.key') })
      await expect(noCertificate).rejects.toThrow(/caFile .*server.key holds no certificate, name/)
      const { port } = new URL((await world.service.open()).endpoint)
      const elsewhere = {
        caFile: certificates.path('ca.pem'),
        endpoint: `https://localhost:${port}`,
      }
      await expect(volumes(elsewhere)).rejects.toThrow(/not trusted .*ALTNAME.*virtualbox.caFile/)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('and an http address is https where tls is set', async () => {
    world = new VirtualboxWorld()
    const { entrance } = await world.process()
    const asked = volumes({ endpoint: entrance.endpoint, tls: true })
    await expect(asked).rejects.toThrow(
      /https:.*virtualbox.tls says what vboxwebsrv was started with/,
    )
  })
})

import { afterAll, describe, expect, test } from 'vitest'
import { examine } from '../../src/doctor/examine.ts'
import type { StorageDriver } from '../../src/libstorage/storage-driver.ts'
import { virtualboxChecks } from '../../src/providers/virtualbox/checks/index.ts'
import { UNAVAILABLE_SERVICE } from '../support/continuous-integration.ts'
import { describeDriver } from '../support/driver-suite.ts'
import { eventually } from '../support/eventually.ts'
import { RealService } from '../support/virtualbox/real-service.ts'
import { askAt, RealWorld } from '../support/virtualbox/real-world.ts'
import { Relay } from '../support/virtualbox/relay.ts'

const started = await RealService.start()
const service = started instanceof RealService ? started : undefined
const skipped = service === undefined
const endpoint = service?.endpoint ?? ''
afterAll(() => service?.stop())

const title = skipped ? `${UNAVAILABLE_SERVICE} (${String(started)})` : 'the real vboxwebsrv'

/** Does something in a world of its own on the real service. */
async function inWorld(work: (world: RealWorld) => Promise<void>): Promise<void> {
  const world = await RealWorld.open(endpoint)
  try {
    await work(world)
  } finally {
    await world.close().catch(() => {})
  }
}

/** Has everything on the host die while a volume is attached, once an operation is done, and goes on with what comes up again. */
async function dyingAfter(
  operation: string,
  work: (parts: {
    readonly world: RealWorld
    readonly driver: StorageDriver
    readonly id: string
    readonly location: string
  }) => Promise<void>,
): Promise<void> {
  await inWorld(async (world) => {
    let isDue = true
    const relay = await Relay.open(endpoint, async (done) => {
      if (done !== operation || !isDue) return
      isDue = false
      await service?.crash()
      throw new Error('the answer is lost')
    })
    try {
      const { driver } = await world.provider(world.here, relay.endpoint)
      const { id } = await driver.createVolume(spec('data'))
      const location = await world.ask('IMedium_getLocation', { _this: await world.disk(id) })
      await driver.attachVolume(id, world.here.id).catch(() => {})
      expect(isDue).toBe(false)
      await world.renew()
      await work({ world, driver, id, location })
    } finally {
      await relay.close()
    }
  })
}

const spec = (name: string) => ({ name, sizeGiB: 1, labels: {} })

describe(title, () => {
  describeDriver(
    'virtualbox',
    async () => {
      const world = await RealWorld.open(endpoint)
      return {
        provider: await world.provider(),
        restarted: () => world.provider(),
        otherInstance: world.there.id,
        other: await world.provider(world.there),
        unsupported: [{ zone: 'a' }, { type: 'gp3' }, { iops: 100 }],
        cleanup: () => world.close(),
      }
    },
    // What is held is for the service a matter of the guest.
    { skipped, holdable: false, abilities: ['modify', 'snapshots', 'copies'] },
  )

  describe.skipIf(skipped)('and what it does by itself', () => {
    test('ten volumes at once are made, attached, detached and removed', () =>
      inWorld(async (world) => {
        const { driver } = await world.provider()
        const names = Array.from({ length: 10 }, (_, index) => `volume-${index}`)
        const made = await Promise.all(names.map((name) => driver.createVolume(spec(name))))
        const attached = await Promise.all(
          made.map(({ id }) => driver.attachVolume(id, world.here.id)),
        )
        expect(new Set(attached.map(({ deviceName }) => deviceName)).size).toBe(10)
        const seen = await driver.volumes({ instanceId: world.here.id })
        expect(seen.flatMap(({ attachments }) => attachments)).toHaveLength(10)
        expect(seen.map(({ name }) => name).toSorted()).toEqual(names)
        await Promise.all(made.map(({ id }) => driver.detachVolume(id, world.here.id)))
        await Promise.all(made.map(({ id }) => driver.removeVolume(id)))
        expect(await driver.volumes()).toEqual([])
      }))

    test('a web session that expired is begun anew', () =>
      inWorld(async (world) => {
        const shortLived = (await service?.beside(2)) ?? ''
        const { driver } = await world.provider(world.here, shortLived)
        const { id } = await driver.createVolume(spec('data'))
        // A look at a session keeps it alive: each is looked at once, and all are as idle as the driver's.
        const logon = () => logonAt(shortLived)
        const others = await Promise.all(Array.from({ length: 30 }, logon))
        await eventually(() => expectExpired(shortLived, others.pop() ?? ''), { interval: 500 })
        const attachment = await driver.attachVolume(id, world.here.id)
        expect((await driver.volume(id)).attachments).toEqual([attachment])
        await driver.detachVolume(id, world.here.id)
      }))

    test('where everything on the host dies once an attach is saved, it is there when that comes up again', () =>
      dyingAfter('IMachine_saveSettings', async ({ world, driver, id, location }) => {
        const attachment = await driver.attachVolume(id, world.here.id)
        expect((await driver.volume(id)).attachments).toEqual([attachment])
        await driver.detachVolume(id, world.here.id)
        expect(await driver.volume(id)).toMatchObject({ state: 'available' })
        expect(await world.ask('IMedium_getLocation', { _this: await world.disk(id) })).toBe(
          location,
        )
      }))

    test('where it dies before an attach is saved, the disk that VirtualBox forgets is not made anew, and can be made known', () =>
      dyingAfter('IMachine_attachDevice', async ({ world, driver, id, location }) => {
        await expect(driver.attachVolume(id, world.here.id)).rejects.toThrow('not found')
        await expect(driver.createVolume(spec('data'))).rejects.toThrow(
          /exists already as the file/,
        )
        expect(await world.disk(location)).not.toBe('')
        expect(await driver.volumes({ name: 'data' })).toMatchObject([{ id, attachments: [] }])
        const attachment = await driver.attachVolume(id, world.here.id)
        expect((await driver.volume(id)).attachments).toEqual([attachment])
      }))

    test('doctor says what it sees of it, and leaves it as it is', () =>
      inWorld(async (world) => {
        const { driver } = await world.provider()
        await driver.createVolume(spec('data'))
        const lines = await linesAbout(world)
        const named = `this machine is taken for ".*" \\(${world.here.id}\\) by its hardware UUID`
        expect(lines).toEqual([
          expect.stringMatching(/^pass virtualbox.service: \S+ answers within/),
          expect.stringMatching(/^pass virtualbox.logon: /),
          expect.stringMatching(/^(pass|warn) virtualbox.version: VirtualBox \d+\.\d+\.\d+/),
          // It cannot be started here.
          expect.stringMatching(
            new RegExp(`^fail virtualbox.machine: ${named}, which is PoweredOff`),
          ),
          'pass virtualbox.controller: controller "SATA" has 30 of its 30 ports free',
          expect.stringMatching(/^pass virtualbox.folder: \S+ is a folder of the host/),
        ])
        const about = async (volumePath: string) => (await linesAbout(world, { volumePath })).at(-1)
        expect(await about('/root/nowhere')).toMatch(/^warn virtualbox.folder: .* is not there/)
        expect(await about('/etc/passwd')).toMatch(/^fail virtualbox.folder: .* is no folder/)
        const found = { _this: world.root, nameOrId: world.here.id }
        const _this = await world.ask('IVirtualBox_findMachine', found)
        expect(await world.ask('IMachine_getSessionState', { _this })).toBe('Unlocked')
      }))
  })

  test.skipIf(skipped)(
    'a lock that an ended web session left keeps nobody from attaching',
    async () => {
      const world = await RealWorld.open(endpoint)
      try {
        const { driver } = await world.provider()
        const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
        const root = await world.ask('IWebsessionManager_logon', { username: '', password: '' })
        const found = { _this: root, nameOrId: world.here.id }
        const machine = await world.ask('IVirtualBox_findMachine', found)
        const asked = { refIVirtualBox: root }
        const lock = await world.ask('IWebsessionManager_getSessionObject', asked)
        const wanted = { _this: machine, session: lock, lockType: 'Write' }
        await world.ask('IMachine_lockMachine', wanted)
        await world.ask('IWebsessionManager_logoff', asked)
        const attachment = await driver.attachVolume(id, world.here.id)
        expect((await driver.volume(id)).attachments).toEqual([attachment])
        await driver.detachVolume(id, world.here.id)
        expect(await driver.volume(id)).toMatchObject({ state: 'available', attachments: [] })
        await driver.removeVolume(id)
      } finally {
        await world.close().catch(() => {})
      }
    },
  )

  test.skipIf(skipped)(
    'what a process left of a copy is swept, and a mark of an older server read and moved',
    async () => {
      const world = await RealWorld.open(endpoint)
      try {
        const { driver } = await world.provider()
        const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
        const asked = { location: id, deviceType: 'HardDisk', accessMode: 'ReadWrite' }
        const opened = { _this: world.root, ...asked, forceNewUuid: false }
        const _this = await world.ask('IVirtualBox_openMedium', opened)
        const mark = JSON.stringify({ kind: 'volume', name: 'shop' })
        await world.ask('IMedium_setDescription', { _this, description: 'theirs' })
        const properties = { 'Special/remora': mark, 'Special/theirs': 'x' }
        for (const [name, value] of Object.entries(properties))
          await world.ask('IMedium_setProperty', { _this, name, value })
        await world.leaveUnfinished('copy')
        expect((await driver.volumes()).map(({ name }) => name)).toEqual(['shop'])
        const source = { kind: 'volume', id } as const
        const wanted = { name: 'copy', sizeGiB: 2, labels: {}, source }
        expect(await driver.createVolume(wanted)).toMatchObject({ sizeGiB: 2, madeFrom: 'volume' })
        const property = { _this, name: 'Special/theirs' }
        expect(await world.ask('IMedium_getProperty', property)).toBe('x')
        const description = await world.ask('IMedium_getDescription', { _this })
        expect(description).toBe(`theirs\nremora ${mark}`)
        expect((await driver.volumes()).map(({ name }) => name).sort()).toEqual(['copy', 'shop'])
      } finally {
        await world.close().catch(() => {})
      }
    },
  )
})

/** What doctor finds, a line each. */
async function linesAbout(world: RealWorld, changed: object = {}): Promise<readonly string[]> {
  const { sysfs } = world.here.guest
  const settings = { ...world.settings(), ...changed }
  const checks = virtualboxChecks(settings, { sysfs, answerMs: 5_000 })
  const results = await examine([{ checks }], { eachMs: 20_000, allMs: 25_000 })
  return results.flatMap(({ id, findings }) =>
    findings.map(({ verdict, seen }) => `${verdict} ${id}: ${seen}`),
  )
}

async function expectExpired(at: string, root: string): Promise<void> {
  await expect(askAt(at, 'IVirtualBox_getAPIVersion', { _this: root })).rejects.toThrow(
    'Invalid managed object reference',
  )
}

function logonAt(at: string): Promise<string> {
  return askAt(at, 'IWebsessionManager_logon', { username: '', password: '' })
}

import { afterAll, describe, expect, test } from 'vitest'
import { UNAVAILABLE_SERVICE } from '../support/continuous-integration.ts'
import { describeDriver } from '../support/driver-suite.ts'
import { RealService } from '../support/virtualbox/real-service.ts'
import { RealWorld } from '../support/virtualbox/real-world.ts'

const started = await RealService.start()
const service = started instanceof RealService ? started : undefined
const skipped = service === undefined
const endpoint = service?.endpoint ?? ''
afterAll(() => service?.stop())

const title = skipped ? `${UNAVAILABLE_SERVICE} (${String(started)})` : 'the real vboxwebsrv'

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

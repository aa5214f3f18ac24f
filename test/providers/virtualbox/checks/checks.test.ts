import { rmSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { reportAsJson, reportAsText } from '../../../../src/doctor/report.ts'
import { eventually } from '../../../support/eventually.ts'
import { linesOf, VirtualboxClinic } from '../../../support/virtualbox-clinic.ts'

let clinic: VirtualboxClinic
afterEach(() => clinic.close())

/** Without what differs from run to run. */
function steady(report: string): string {
  return report
    .replace(/127\.0\.0\.1:\d+\/\d+/g, '<host>')
    .replace(/within \d+ ms/g, 'within <n> ms')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
}

test.each([
  [
    'text',
    (results: Awaited<ReturnType<VirtualboxClinic['examine']>>) =>
      reportAsText(results, { coloured: false }),
  ],
  ['json', reportAsJson],
] as const)(
  'where all is well, and where not, it is told byte by byte as %s',
  async (form, report) => {
    clinic = new VirtualboxClinic({ portCount: 3 })
    const well = report(await clinic.examine({ userName: 'me', password: 'secret' }))
    clinic.world.here.machine.controllers = []
    const broken = report(
      await clinic.examine({ localMachineNameOrId: 'nobody', volumePath: '/nowhere' }),
    )
    const off = report(await clinic.examine({ endpoint: 'http://127.0.0.1:9' }))
    await expect(steady(well + broken + off)).toMatchFileSnapshot(`golden/doctor.${form}.txt`)
  },
)

test.each(['5_0', '5_2', '6_0', '6_1', '7_0', '7_1', '7_2'])(
  'all is well with version %s',
  async (version) => {
    clinic = new VirtualboxClinic({ version })
    const results = await clinic.examine()
    expect(results.flatMap(({ findings }) => findings.map(({ verdict }) => verdict))).toEqual(
      results.map(() => 'pass'),
    )
  },
)

test('it says by what this machine was found', async () => {
  clinic = new VirtualboxClinic()
  const { here } = clinic.world
  const line = async (settings = {}) =>
    linesOf(await clinic.examine(settings), 'pass').find((one) => one.includes('machine:'))
  const named = `virtualbox.machine: this machine is "here" (${here.machine.id})`
  expect(await line()).toBe(`${named} by its hardware UUID; to VirtualBox it is Running`)
  expect(await line({ localMachineNameOrId: 'here' })).toContain(
    `${named} by virtualbox.localMachineNameOrId`,
  )
  const mac = here.machine.adapters[0]?.mac.match(/../g)?.join(':') ?? ''
  here.guest.writeFirmware('', [mac])
  rmSync(path.join(here.guest.sysfs, 'class/dmi/id/product_uuid'))
  expect(await line()).toContain(`${named} by a network address`)
})

test('one failure explains what could not be looked at after it', async () => {
  clinic = new VirtualboxClinic()
  const dead = await clinic.examine({ endpoint: 'http://127.0.0.1:9' })
  expect(linesOf(dead, 'fail')).toHaveLength(1)
  expect(linesOf(dead, 'skip')).toEqual(
    ['logon', 'version', 'machine', 'controller', 'folder'].map(
      (one) => `virtualbox.${one}: not looked at, because virtualbox.service failed`,
    ),
  )
  const unknown = await clinic.examine({ localMachineNameOrId: 'nobody' })
  expect(linesOf(unknown, 'skip')).toEqual([
    'virtualbox.controller: not looked at, because virtualbox.machine failed',
  ])
})

test('nothing is locked, saved or noted, and the web sessions are ended', async () => {
  clinic = new VirtualboxClinic()
  const { world } = clinic
  const { driver } = await world.provider()
  const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  const before = structuredClone({ ...world.medium(id), base: undefined })
  world.service.sessions.end()
  await clinic.examine()
  world.host.folders.readable.clear()
  await clinic.examine({ volumePath: '/nowhere' })
  const looks =
    /_(?:get(?!SessionObject)|find|exists|update|waitFor|release|logon|logoff|createAppliance|createVFSExplorer)/
  expect(clinic.calls.filter((name) => !looks.test(name))).toEqual([])
  expect(world.here.machine.owner).toBe('its own process')
  expect(world.here.machine.sharers.size).toBe(0)
  expect(structuredClone({ ...world.medium(id), base: undefined })).toEqual(before)
  await eventually(() => expect(world.service.sessions.count).toBe(0))
})

test('a web session that ends in the middle is begun anew', async () => {
  clinic = new VirtualboxClinic()
  const { sessions, gates } = clinic.world.service
  let ends = 0
  gates.get = (name: string) => {
    if (name === 'IStorageController_getPortCount' && ends++ === 0) sessions.end()
    return undefined
  }
  expect(linesOf(await clinic.examine(), 'fail')).toEqual([])
  expect(ends).toBeGreaterThan(1)
})

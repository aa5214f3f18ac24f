import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MountManager } from '../../../src/mount/mount-manager.ts'
import { EbsMountMachine } from '../../support/ebs-mount-world.ts'
import { EbsWorld } from '../../support/ebs-world.ts'

let world: EbsWorld
let machine: EbsMountMachine
const managers: MountManager[] = []
beforeEach(async () => {
  // EC2 shows nothing by its name until long after the test.
  world = await EbsWorld.open({ delays: { tagLag: 600_000 } })
  machine = new EbsMountMachine(world, world.here)
})
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close()
  await world.close()
})

async function serve(): Promise<MountManager> {
  const manager = await machine.manager()
  managers.push(manager)
  manager.start()
  return manager
}
async function mount(manager: MountManager): Promise<void> {
  ;(await manager.mount({ name: 'data', holder: 'one' })).delivered()
}

test('what was made is found by the process after the one that died, though EC2 does not show its name yet', async () => {
  await (await serve()).create('data', {})
  const next = await serve()
  const [made] = world.simulator.named('data')
  expect((await next.get('data')).volume.id).toBe(made?.id)
  await mount(next)
  expect(world.simulator.region.attachmentsOf(world.here.id)).toHaveLength(2)
})

test('what was mounted is found by its record', async () => {
  const first = await serve()
  await first.create('data', {})
  await mount(first)
  const next = await serve()
  await next.unmount({ name: 'data', holder: 'one' })
  await mount(next)
  expect(world.simulator.named('data')).toHaveLength(1)
})

test('what a command makes is found by the server beside it, also after that said that there is no such volume', async () => {
  const [server, command] = [await serve(), await machine.manager()]
  managers.push(command)
  await expect(server.get('data')).rejects.toThrow('volume "data" not found')
  await command.create('data', {})
  await mount(server)
})

test('what was removed since is not found', async () => {
  await (await serve()).create('data', {})
  const next = await serve()
  await next.remove('data')
  await expect(next.get('data')).rejects.toThrow('volume "data" not found')
  const later = await serve()
  await expect(later.get('data')).rejects.toThrow('volume "data" not found')
})

test('what has another name by now is not found by its old one', async () => {
  await (await serve()).create('data', {})
  const [made] = world.simulator.named('data')
  world.simulator.region.change(made?.id ?? '', { tags: { Name: 'other' } })
  await expect((await serve()).get('data')).rejects.toThrow('volume "data" not found')
})

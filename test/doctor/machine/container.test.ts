import { expect, test } from 'vitest'
import { type ContainerParts, containerCheck } from '../../../src/doctor/machine/container.ts'

const ID = '0123456789ab'.padEnd(64, 'c')
const ROOT = '97 72 0:39 / / rw master:44 - overlay overlay rw'
const bind = (place: string, shared = '') =>
  `98 97 254:0 /x ${place} rw${shared} - ext4 /dev/vda rw`
const ALL = [
  ROOT,
  bind('/var/lib/rexray', ' shared:7'),
  bind('/run/docker/plugins'),
  bind('/pool'),
].join('\n')

const parts: ContainerParts = {
  habitat: { kind: 'container', id: ID },
  stateFolder: '/var/lib/rexray',
  mountFolders: ['/var/lib/rexray/volumes'],
  modules: [{ host: 'unix:///run/docker/plugins/rexray.sock' }, { host: 'tcp://127.0.0.1:7979' }],
  pools: ['/pool/remora-loop', '/var/lib/rexray/vfs'],
  blocks: true,
}
const whole = { mountInfo: () => ALL, mayMount: () => true, seesOwnProcessesAlone: () => false }

async function linesOf(view: Partial<typeof whole>, more: Partial<ContainerParts> = {}) {
  const check = containerCheck({ ...parts, ...more }, { ...whole, ...view })
  const findings = await check.run(new AbortController().signal)
  return findings.map(({ verdict, seen, remedy }) => `${verdict} ${remedy ?? seen}`)
}

test('a container that has all it needs passes', async () => {
  expect(await linesOf({})).toEqual(['pass this program runs in the container 0123456789ab'])
})

test('of one that has nothing each flag that it lacks is named, once', async () => {
  const view = { mountInfo: () => ROOT, mayMount: () => false, seesOwnProcessesAlone: () => true }
  expect(await linesOf(view)).toEqual([
    'fail docker run --privileged …',
    'warn docker run --volume /var/lib/rexray:/var/lib/rexray:rshared …',
    'warn docker run --volume /run/docker/plugins:/run/docker/plugins …',
    'warn docker run --volume /var/lib:/pool …',
    'warn docker run --pid host …',
  ])
})

test('mounts that reach nobody need a mount that is shared', async () => {
  const unshared = ALL.replace(' shared:7', '')
  expect(await linesOf({ mountInfo: () => unshared })).toEqual([
    'warn docker run --volume /var/lib/rexray:/var/lib/rexray:rshared …',
  ])
  expect(await linesOf({}, { mountFolders: ['/mnt/volumes'] })).toEqual([
    'warn docker run --volume /mnt/volumes:/mnt/volumes:rshared …',
  ])
})

test('directories need neither rights nor mounts', async () => {
  const view = { mountInfo: () => ALL.replace(' shared:7', ''), mayMount: () => false }
  expect(await linesOf(view, { blocks: false })).toHaveLength(1)
})

test('a socket in /var/run is one in /run', async () => {
  const modules = [{ host: 'unix:///var/run/docker/plugins/rexray.sock' }]
  expect(await linesOf({}, { modules })).toHaveLength(1)
})

test('a managed plugin gets from its engine what it needs, and a machine needs nothing', async () => {
  expect(await linesOf({}, { habitat: { kind: 'plugin', id: ID } })).toEqual([
    'pass this program runs in the managed plugin 0123456789ab',
  ])
  expect(await linesOf({ mountInfo: () => ROOT }, { habitat: { kind: 'machine' } })).toEqual([
    'pass this program runs on the machine itself',
  ])
})

test('what a container shows of itself can be looked at here', async () => {
  const findings = await containerCheck(parts).run(new AbortController().signal)
  expect(findings.map(({ remedy }) => remedy)).toContain('docker run --volume /var/lib:/pool …')
})

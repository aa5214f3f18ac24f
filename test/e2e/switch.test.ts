import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/machine.ts'
import {
  type Layout,
  rexray06,
  rexray06Counting,
  rexray011,
  rexray011Bridge,
} from '../support/rexray/layouts.ts'
import { SwitchedHost } from '../support/rexray/switched-host.ts'
import type { ServerProcess } from '../support/server-process.ts'

let switched: SwitchedHost
afterEach(() => switched.end())

const isDetached = (volume: string) =>
  eventually(`${volume} to be detached`, () => !switched.isAttached(volume))

const areAdopted = (server: ServerProcess, ...volumes: string[]) =>
  eventually('what is mounted to be adopted', () =>
    volumes.every((name) => server.output().includes(`volume ${name} was found mounted`)),
  )

/** One container alone on its volume, two that share one, and a volume that nobody uses now. */
async function workOf(layout: Layout): Promise<void> {
  switched = await SwitchedHost.launch(layout)
  const { engine } = switched
  for (const name of ['db', 'shared', 'idle'])
    await engine.docker('volume', 'create', '-d', 'rexray', '-o', 'size=1', name)
  await switched.startCounter('writer', 'db')
  await switched.startCounter('left', 'shared')
  await switched.startCounter('right', 'shared')
  await engine.sh('echo kept > /data/file', '-v', 'idle:/data')
}

describe.each([rexray011, rexray011Bridge, rexray06])(
  'a host that REX-Ray $version leaves',
  (layout) => {
    test('goes on under Remora: its containers write, stop and start, and every byte of theirs is there', async () => {
      await workOf(layout)
      const { engine, host, simulator, rexray } = switched
      const { mountFolder, bindFolder } = layout.ways
      const folders = bindFolder === undefined ? [mountFolder] : [bindFolder, mountFolder]
      const places = folders.flatMap((folder) => ['db', 'shared'].map((name) => join(folder, name)))
      const fileSystems = ['db', 'shared', 'idle'].map((name) => rexray.fileSystemOf(name))
      const files = switched.filesDigest()
      expect(await switched.mountPoints()).toEqual(places)
      await switched.endRexRay()
      const server = await host.startRemora()

      await areAdopted(server, 'db', 'shared')
      for (const container of ['writer', 'left', 'right']) await switched.goesOn(container)
      expect(await switched.mountPoints()).toEqual(places)

      await engine.docker('stop', 'writer')
      await isDetached('db')
      await engine.docker('start', 'writer')
      await switched.goesOn('writer')

      await engine.docker('stop', 'left')
      await switched.goesOn('right')
      await engine.docker('start', 'left')
      await engine.docker('stop', 'right')
      await switched.goesOn('left')
      await engine.docker('start', 'right')
      await switched.goesOn('right')
      expect(await engine.sh('cat /data/file', '-v', 'idle:/data')).toBe('kept')

      const { stdout } = await host.rexray('volume', 'ls')
      expect(stdout.split('\n').map((line) => line.split(/ +/)[1])).toEqual(
        expect.arrayContaining(['db', 'idle', 'shared']),
      )
      await engine.docker('rm', '-f', 'writer', 'left', 'right')
      for (const name of ['db', 'shared', 'idle']) await isDetached(name)
      expect(await switched.mountPoints()).toEqual([])
      expect(['db', 'shared', 'idle'].map((name) => rexray.fileSystemOf(name))).toEqual(fileSystems)
      expect(switched.filesDigest()).toBe(files)
      expect(simulator.takeCounts()).not.toHaveProperty('CreateVolume')

      await engine.docker('volume', 'rm', 'db', 'shared', 'idle')
      expect(['db', 'shared', 'idle'].flatMap((name) => simulator.named(name))).toEqual([])
      expect(await server.stop()).toBe(0)
    })
  },
)

test('what ends while nobody serves volumes is let go when it is asked for, and nothing under a container before', async () => {
  await workOf(rexray06Counting)
  const { engine, host, simulator } = switched
  await switched.endRexRay()
  const ended = engine.docker('rm', '-f', 'writer')
  await eventually('the container to end', async () => {
    const running = await engine.docker('ps', '--format', '{{.Names}}')
    return !running.includes('writer')
  })
  let server = await host.startRemora()
  await areAdopted(server, 'shared')
  await ended.catch(() => undefined)
  const refused = await host.rexray('volume', 'unmount', 'shared')
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('in use')])
  expect(await server.stop()).toBe(0)
  server = await host.startRemora()
  for (const container of ['left', 'right']) await switched.goesOn(container)
  await engine.docker('volume', 'rm', 'db')
  expect(simulator.named('db')).toEqual([])
  const unused = await engine.attempt('volume', 'rm', 'shared')
  expect([unused.status, unused.stderr]).toEqual([1, expect.stringContaining('in use')])
  await engine.docker('rm', '-f', 'left', 'right')
  await isDetached('shared')
  expect(await switched.mountPoints()).toEqual([])
})

import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { engineCheck } from '../../../src/doctor/machine/engine.ts'
import { run } from '../../../src/libstorage/run.ts'
import { DoctorWorld } from '../../support/doctor-world.ts'
import { eventually } from '../../support/eventually.ts'

let world: DoctorWorld
beforeEach(() => {
  world = new DoctorWorld()
})
afterEach(() => world.end())

const NO_ENGINE = 'no-such-engine'
const parts = {
  ...{ modules: [], mountFolders: ['/proc/mounts-here'], blocks: false, run, engine: NO_ENGINE },
  server: async () => undefined,
  habitat: { kind: 'machine' },
} as const
const signal = new AbortController().signal

test('an engine that has ended is not looked at any more', async () => {
  const program = path.join(world.home, 'someengine')
  copyFileSync('/bin/sleep', program)
  chmodSync(program, 0o755)
  // Its parent does not ask how it ended, so that the kernel keeps it.
  const { stdout } = world.start('sh', ['-c', '"$0" 0 & echo $!; exec sleep 600', program])
  const pid = String(await once(stdout as Readable, 'data')).trim()
  const state = () => readFileSync(`/proc/${pid}/stat`, 'utf8')
  await eventually(() => expect(state()).toMatch(/\(someengine\) Z /))

  expect(await engineCheck({ ...parts, engine: 'someengine' }).run(signal)).toEqual([
    { verdict: 'pass', seen: 'no Docker engine is seen from here' },
  ])
})

/** A process that takes itself for an engine, at a path below the home. */
async function anEngine(place: string, ...before: readonly string[]): Promise<void> {
  const program = path.join(world.home, place)
  mkdirSync(path.dirname(program), { recursive: true })
  copyFileSync('/bin/sleep', program)
  chmodSync(program, 0o755)
  const [command = program, ...args] = [...before, program, '600']
  const { pid } = world.start(command, args)
  const name = () => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  await eventually(() => expect(name()).toBe(path.basename(program)))
}

test('an engine that nothing leads to our socket is told how to find it', async () => {
  await anEngine('someengine')
  const spec = path.join(world.home, 'plugins of mine/my own.spec')
  const modules = [{ host: `unix://${world.socket}`, spec }]
  const look = () => engineCheck({ ...parts, modules, engine: 'someengine' }).run(signal)
  const [finding] = await look()
  expect(finding).toMatchObject({
    verdict: 'warn',
    seen: expect.stringMatching(/does not find unix:\/\//),
  })
  await world.sh(finding?.remedy ?? 'false')

  expect(await look()).toMatchObject([
    { verdict: 'pass', seen: expect.stringMatching(/sees the same mounts$/) },
  ])
})

test.skipIf(process.getuid?.() !== 0)('the engine of a snap finds no plugin (root)', async () => {
  await anEngine('snap/docker/1/someengine', 'unshare', '-m', '--propagation', 'private')
  const modules = [{ host: `unix://${world.socket}`, spec: '/nowhere' }]
  const [finding] = await engineCheck({ ...parts, modules, engine: 'someengine' }).run(signal)

  expect(finding).toMatchObject({
    verdict: 'warn',
    seen: expect.stringMatching(/is that of a snap/),
  })
})

test('a managed plugin whose volumes lie where its engine does not look is told so', async () => {
  const habitat = { kind: 'plugin', id: 'c'.repeat(64) } as const
  const [finding] = await engineCheck({ ...parts, habitat }).run(signal)

  expect(finding).toMatchObject({
    verdict: 'fail',
    seen: expect.stringMatching(/^\/proc\/mounts-here lies outside .* \(\/proc\): .*empty folders/),
  })
})

import { once } from 'node:events'
import { chmodSync, copyFileSync, readFileSync } from 'node:fs'
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

test('a managed plugin whose volumes lie where its engine does not look is told so', async () => {
  const habitat = { kind: 'plugin', id: 'c'.repeat(64) } as const
  const [finding] = await engineCheck({ ...parts, habitat }).run(signal)

  expect(finding).toMatchObject({
    verdict: 'fail',
    seen: expect.stringMatching(/^\/proc\/mounts-here lies outside .* \(\/proc\): .*empty folders/),
  })
})

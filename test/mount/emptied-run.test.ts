import { readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { createService } from '../../src/libstorage/service.ts'
import { ToolRunner } from '../../src/libstorage/tool-runner.ts'
import { createMountManager } from '../../src/mount/create-mount-manager.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { loopDefinition } from '../../src/providers/loop/config.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted, quickSettings } from '../support/mount-world.ts'

describe.skipIf(loopUnavailable !== undefined)(
  'a run directory that is emptied under a server',
  () => {
    let world: LoopWorld
    let run: string
    let tools: ToolRunner
    let manager: MountManager
    beforeEach(async () => {
      world = new LoopWorld()
      run = path.join(world.folder, 'run')
      tools = new ToolRunner({
        scratchDirectory: path.join(run, 'scratch'),
        atOnce: 2,
        turnMs: 100,
      })
      const context = { service: 'loop', libDirectory: world.folder, run: tools.run }
      const provider = await loopDefinition.create(loopDefinition.settings.parse({}), context)
      manager = createMountManager({
        service: createService('loop', provider, silentLogger),
        settings: quickSettings,
        role: 'server',
        mountFolder: world.mountRoot,
        reservedNames: new Set(),
        libDirectory: world.folder,
        runDirectory: run,
        run: tools.run,
        runBehindGate: tools.runBehindGate,
        logger: silentLogger,
        events: { record: () => {} },
      })
    })
    afterEach(async () => {
      await manager.close()
      await tools.close()
      await world.end()
    })
    const empty = () => {
      for (const entry of readdirSync(run))
        rmSync(path.join(run, entry), { recursive: true, force: true })
    }

    test('is made again by the next calls, none of which fails', async () => {
      await manager.create('data', {})
      empty()
      await mounted(manager, 'data', 'a')
      empty()
      await manager.create('other', { mountopts: 'noatime' })
      empty()
      await manager.unmount({ name: 'data', holder: 'a' })
      expect((await manager.get('data')).mountpoint).toBeUndefined()
    })
  },
)

import path from 'node:path'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { createService } from '../../src/libstorage/service.ts'
import { ToolRunner } from '../../src/libstorage/tool-runner.ts'
import { createMountManager } from '../../src/mount/create-mount-manager.ts'
import type { ProcessRole } from '../../src/mount/mount-context.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import type { MountSettings } from '../../src/mount/settings.ts'
import { loopDefinition } from '../../src/providers/loop/config.ts'

/** A process of a machine whose files all lie in one folder. */
export interface LoopMachine {
  readonly manager: MountManager
  close(): Promise<void>
}

/** Puts a process together as the program does, over the real kernel: volumes in `<home>/loop`, mounts in `<home>/volumes`. */
export async function openLoopMachine(
  home: string,
  settings: MountSettings,
  role: ProcessRole,
): Promise<LoopMachine> {
  const runDirectory = path.join(home, 'run')
  const scratchDirectory = path.join(runDirectory, 'scratch')
  const tools = new ToolRunner({ scratchDirectory, atOnce: 2, turnMs: 100 })
  const context = { service: 'loop', libDirectory: home, run: tools.run }
  const provider = await loopDefinition.create(loopDefinition.settings.parse({}), context)
  const manager = createMountManager({
    service: createService('loop', provider, silentLogger),
    settings,
    role,
    mountFolder: path.join(home, 'volumes'),
    reservedNames: new Set(),
    libDirectory: home,
    runDirectory,
    run: tools.run,
    runBehindGate: tools.runBehindGate,
    logger: silentLogger,
    events: { record: () => {} },
  })
  const close = async () => {
    await manager.close()
    await tools.close()
  }
  return { manager, close }
}

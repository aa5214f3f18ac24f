import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { thisMachine } from '../../src/libstorage/process-identity.ts'
import { type Run, run } from '../../src/libstorage/run.ts'
import { createService, type Service } from '../../src/libstorage/service.ts'
import { ToolRunner } from '../../src/libstorage/tool-runner.ts'
import { BlockPublisher } from '../../src/mount/block-publisher.ts'
import type { VolumeEvent } from '../../src/mount/events.ts'
import { FileLedger } from '../../src/mount/ledger.ts'
import { thawing } from '../../src/mount/left-frozen.ts'
import { createLinuxMounter } from '../../src/mount/linux/linux-mounter.ts'
import { ProcessLocks } from '../../src/mount/locks.ts'
import type { ProcessRole } from '../../src/mount/mount-context.ts'
import { MountManager } from '../../src/mount/mount-manager.ts'
import type { MountEntry } from '../../src/mount/mounter.ts'
import { createPlaces } from '../../src/mount/places.ts'
import { RemovedNamesFolder } from '../../src/mount/removed-names.ts'
import type { MountSettings } from '../../src/mount/settings.ts'
import { VolumeSessions } from '../../src/mount/volume-session.ts'
import { loopDefinition } from '../../src/providers/loop/config.ts'
import { quickSettings, WATCH_MS } from './mount-world.ts'

/** Why this machine cannot run a world of loop devices, or undefined. */
export const loopUnavailable = await loopDefinition.unavailable()

/** This machine with a pool, mount points and a ledger in a folder of its own; everything real. */
export class LoopWorld {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'remora-loop-'))
  readonly events: VolumeEvent[] = []
  readonly #tools = new ToolRunner({
    scratchDirectory: path.join(this.folder, 'scratch'),
    atOnce: 2,
    turnMs: 100,
  })
  readonly mounter = createLinuxMounter(
    run,
    this.#tools.runBehindGate,
    path.join(this.folder, 'scratch'),
  )
  readonly #started: { manager: MountManager; service: Service }[] = []

  get mountRoot(): string {
    return path.join(this.folder, 'volumes')
  }

  /** Where an older version mounted. */
  get olderRoot(): string {
    return path.join(this.folder, 'older')
  }

  async manager(
    changed: Partial<MountSettings> = {},
    role: ProcessRole = 'server',
    providersRun: Run = run,
  ): Promise<MountManager> {
    const settings = { ...quickSettings, ...changed }
    const context = { service: 'loop', libDirectory: this.folder, run: providersRun }
    const provider = await loopDefinition.create(loopDefinition.settings.parse({}), context)
    const service = createService('loop', provider, silentLogger)
    const ledger = new FileLedger(path.join(this.folder, 'ledger'), silentLogger)
    const events = { record: (event: VolumeEvent) => void this.events.push(event) }
    const places = createPlaces(this.mountRoot, settings.mount.rootPath, new Set(), [
      this.olderRoot,
    ])
    const manager = new MountManager(
      {
        service,
        publisher: new BlockPublisher(this.mounter, settings, 'loop', events),
        mounter: this.mounter,
        places,
        settings,
        ledger,
        sessions: new VolumeSessions(
          'loop',
          ledger,
          new ProcessLocks(path.join(this.folder, 'locks')),
          thisMachine,
          thawing(this.mounter, places),
        ),
        machine: thisMachine,
        logger: silentLogger,
        events,
        role,
      },
      new RemovedNamesFolder(path.join(this.folder, 'removed')),
      WATCH_MS,
    )
    this.#started.push({ manager, service })
    return manager
  }

  /** The sparse file behind a volume. */
  diskOf(name: string): string {
    return path.join(this.folder, 'loop', name, 'disk')
  }

  /** Runs a tool and answers what it printed; rejects when it fails. */
  async tool(command: string, ...args: string[]): Promise<string> {
    const result = await run(command, args, { timeoutMs: 30_000 })
    if (result.exitCode !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`)
    return result.stdout
  }

  async #takeAway(folder: string): Promise<void> {
    const isMine = ({ mountPoint }: MountEntry) => mountPoint.startsWith(folder)
    // What one of them covers is seen when that is gone.
    for (let round = 0; round < 3; round += 1)
      for (const { mountPoint } of this.mounter.mounts().filter(isMine).toReversed())
        await run('umount', ['-l', mountPoint], { timeoutMs: 30_000 })
    const devices = await this.tool('losetup', '--list', '--noheadings', '-O', 'NAME,BACK-FILE')
    for (const line of devices.split('\n').filter((text) => text.includes(`${this.folder}/`)))
      await run('losetup', ['-d', line.split(' ')[0] ?? ''], { timeoutMs: 30_000 })
  }

  /** Unmounts, detaches and removes whatever a test left. */
  async end(): Promise<void> {
    await Promise.all(this.#started.map(({ manager }) => manager.close()))
    await this.#tools.close()
    await this.#takeAway(this.mountRoot)
    // A pool that has a file system of its own is the last to go: its files could not be told by their names any more.
    await this.#takeAway(this.folder)
    await run('chattr', ['-R', '-i', this.folder], { timeoutMs: 30_000 })
    rmSync(this.folder, { recursive: true, force: true })
  }
}

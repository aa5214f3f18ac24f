import type { Logger } from '../../../src/libstorage/logger.ts'
import { createService } from '../../../src/libstorage/service.ts'
import type { InstanceState } from '../../../src/libstorage/types.ts'
import { after } from '../../../src/libstorage/wait.ts'
import { BlockPublisher } from '../../../src/mount/block-publisher.ts'
import { thawing } from '../../../src/mount/left-frozen.ts'
import type { MountContext } from '../../../src/mount/mount-context.ts'
import { MountManager } from '../../../src/mount/mount-manager.ts'
import { createPlaces } from '../../../src/mount/places.ts'
import type { MountSettings } from '../../../src/mount/settings.ts'
import { VolumeSessions } from '../../../src/mount/volume-session.ts'
import { Docker } from './docker.ts'
import { Life } from './life.ts'
import { MachineState } from './machine-state.ts'
import { Person } from './person.ts'
import { ATTACH_WAIT_MS, PREEMPT_GRACE_MS } from './referee.ts'
import type { WorldParts } from './world.ts'
import { WorldKernel } from './world-kernel.ts'
import { worldMounter } from './world-mounter.ts'
import type { PlatformMachine } from './world-platform.ts'
import { Line, worldProvider } from './world-provider.ts'

/** The folder of all mount points of a machine. */
export const MOUNT_FOLDER = '/mnt'

/** One process that serves volumes. */
export interface Server {
  readonly life: Life
  readonly manager: MountManager
  readonly startedAt: number
}

/** A machine: its kernel, its files, its server of volumes, and the dockerd beside it. */
export class WorldMachine implements PlatformMachine {
  readonly id: string
  readonly kernel: WorldKernel
  readonly files: MachineState
  readonly line = new Line()
  readonly docker: Docker
  readonly person: Person
  server: Server | undefined
  state: InstanceState | 'gone' = 'running'
  readonly #parts: WorldParts
  readonly #commands = new Set<Life>()
  #closing: Server | undefined
  #frozenUntil = 0
  #started = 0

  constructor(id: string, parts: WorldParts) {
    this.id = id
    this.#parts = parts
    this.kernel = new WorldKernel(id, parts.platform, parts.chronicle)
    this.files = new MachineState(parts.faults)
    this.docker = new Docker(this, parts)
    this.person = new Person(this, parts.referee)
  }

  get isUp(): boolean {
    return (this.state === 'running' || this.state === 'stopping') && this.kernel.isOn
  }

  get isFrozen(): boolean {
    return Date.now() < this.#frozenUntil
  }

  holds(deviceName: string): boolean {
    return this.isUp && this.kernel.isHeld(deviceName)
  }

  hasMounted(deviceName: string): boolean {
    return this.isUp && this.kernel.hasMounted(deviceName)
  }

  thawed(): Promise<void> | undefined {
    const leftMs = this.#frozenUntil - Date.now()
    return leftMs > 0 ? new Promise((resolve) => setTimeout(resolve, leftMs)) : undefined
  }

  jitterMs(): number {
    return Math.max(0, this.#parts.chance.between(-30, 15))
  }

  /** Whether it stood still at any time after this one. */
  wasFrozenSince(time: number): boolean {
    return this.#frozenUntil > time
  }

  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, Date.now() + ms)
  }

  thaw(): void {
    this.#frozenUntil = Date.now()
  }

  startServer(): void {
    if (!this.isUp || this.server !== undefined || this.#closing !== undefined) return
    this.#started += 1
    const life = new Life(`server ${this.#started} of ${this.id}`, this)
    this.files.reopen()
    const manager = this.#manager(life, 'server')
    this.server = { life, manager, startedAt: Date.now() }
    manager.start()
  }

  /** Ends the server in the middle of whatever it does; the tools that it started die too, or go on alone. */
  killServer(withTools: boolean): void {
    this.server?.life.end()
    this.#closing?.life.end()
    this.server = undefined
    this.#closing = undefined
    if (withTools) this.kernel.killTools()
  }

  /** As SIGTERM does: no call comes in any more, and what has begun is finished. */
  async stopServer(): Promise<void> {
    const { server } = this
    if (server === undefined) return
    this.server = undefined
    this.#closing = server
    await this.docker.client.answered(server)
    await server.manager.close()
    server.life.end()
    if (this.#closing === server) this.#closing = undefined
  }

  /** Runs a command in a process of its own. Never resolves when the machine goes off meanwhile. */
  async command(work: (manager: MountManager) => Promise<void>): Promise<'done' | 'refused'> {
    if (!this.isUp) return 'refused'
    this.#started += 1
    const life = new Life(`command ${this.#started} of ${this.id}`, this)
    this.#commands.add(life)
    const manager = this.#manager(life, 'command')
    try {
      await work(manager)
      await manager.close()
      return 'done'
    } catch (error) {
      this.#parts.chronicle.say(`${life.name}: is refused: ${String(error)}`)
      return 'refused'
    } finally {
      life.end()
      this.#commands.delete(life)
    }
  }

  /** The platform's request: the machine goes down a while later. */
  stop(): void {
    if (this.state !== 'running') return
    this.state = 'stopping'
    after(this.#parts.chance.between(2_000, 40_000), () => this.powerOff('stopped'))
  }

  powerOff(state: 'stopped' | 'terminated' | 'running'): void {
    if (this.state === 'terminated' || this.state === 'gone') return
    this.state = state
    this.thaw()
    this.killServer(true)
    for (const life of this.#commands) life.end()
    this.docker.die()
    this.docker.forget()
    this.person.leave()
    this.kernel.powerOff()
    this.files.reboot()
    this.#parts.chronicle.say(`${this.id}: off (${state})`)
  }

  /** The platform forgets a machine that was terminated. */
  vanish(): void {
    this.state = 'gone'
  }

  powerOn(): void {
    if (this.state === 'terminated' || this.state === 'gone') return
    this.state = 'running'
    this.kernel.powerOn()
    this.#parts.chronicle.say(`${this.id}: on`)
    this.startServer()
  }

  #manager(life: Life, role: MountContext['role']): MountManager {
    const { settings, chronicle } = this.#parts
    const own = { ...this.#parts, machineId: this.id, life, kernel: this.kernel, line: this.line }
    const mounter = worldMounter({
      ...own,
      isWritableElsewhere: (volumeId) => this.#parts.isWritableBeside(this.id, volumeId),
    })
    const logger = this.#logger()
    const service = createService('world', worldProvider(own), logger)
    const events = { record: () => {} }
    const ledger = this.files.ledger(life)
    const places = createPlaces(MOUNT_FOLDER, settings.mount.rootPath, new Set())
    const sessions = new VolumeSessions(
      'world',
      ledger,
      this.files.lockKeeper(life),
      this.kernel,
      thawing(mounter, places),
    )
    chronicle.say(`${life.name}: starts`)
    const context: MountContext = {
      service,
      publisher: new BlockPublisher(mounter, settings, 'world', events),
      mounter,
      places,
      settings,
      ledger,
      sessions,
      machine: this.kernel,
      logger,
      events,
      role,
    }
    return new MountManager(context, this.files.removedNames(life))
  }

  #logger(): Logger {
    const { chronicle } = this.#parts
    const say = (message: string) => chronicle.say(`${this.id}: (log) ${message}`)
    return { debug() {}, info: say, warn: say, error: say }
  }
}

/** The settings of every server of a world. */
export function worldSettings(
  preempt: MountSettings['mount']['preempt'],
  ignoreUsedCount: boolean,
): MountSettings {
  const nothing = { type: undefined, iops: undefined, availabilityZone: undefined }
  return {
    create: {
      default: { sizeGiB: 1, fsType: 'ext4', ...nothing },
      disable: false,
      implicit: false,
    },
    mount: {
      preempt,
      attachWaitMs: ATTACH_WAIT_MS,
      preemptGraceMs: PREEMPT_GRACE_MS,
      path: MOUNT_FOLDER,
      rootPath: '/data',
      retryCount: 0,
      retryWaitMs: 0,
    },
    unmount: { ignoreUsedCount, detachDelayMs: 2_000 },
    remove: { disable: false },
    fileMode: undefined,
    attachTimeoutMs: 30_000,
  }
}

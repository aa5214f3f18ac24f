import { FailedPreconditionError, isStorageError } from '../../../src/libstorage/errors.ts'
import type { MountedVolume } from '../../../src/mount/integration-driver.ts'
import { stackOf } from './chronicle.ts'
import { type Container, newContainer, requireKept } from './container.ts'
import { Life } from './life.ts'
import { OTHER_MS, PluginClient, SLOW_MS, type Work } from './plugin-client.ts'
import type { WorldParts } from './world.ts'
import type { WorldMachine } from './world-machine.ts'

/** How long after a refusal a container is started again, in milliseconds. */
const RESTART_MS = 4_000

/** The dockerd of one machine: it repeats calls that broke off, and sends no Unmount for what died with it. */
export class Docker {
  readonly containers: Container[] = []
  readonly client: PluginClient
  /** The ids that a Mount was answered for, and no Unmount yet. */
  readonly owed = new Map<string, number>()
  readonly #machine: WorldMachine
  readonly #parts: WorldParts
  #life: Life
  #started = 0
  #open = 0

  constructor(machine: WorldMachine, parts: WorldParts) {
    this.#machine = machine
    this.#parts = parts
    this.client = new PluginClient(machine, parts.chronicle)
    this.#life = new Life(`dockerd of ${machine.id}`, machine)
  }

  get isIdle(): boolean {
    return this.#open === 0
  }

  /** The containers that have their volume and work. */
  living(): Container[] {
    return this.containers.filter(({ status }) => status === 'running')
  }

  newest(volume: string): Container | undefined {
    return this.living().findLast((container) => container.volume === volume)
  }

  /** All containers are gone at once, and another dockerd starts. */
  die(): void {
    for (const container of this.containers) {
      if (container.status !== 'over') this.#machine.kernel.leave(container.id)
      container.status = 'over'
    }
    this.#life.end()
    this.#open = 0
    this.#life = new Life(`dockerd of ${this.#machine.id}`, this.#machine)
  }

  /** A reboot has dropped all references. */
  forget(): void {
    this.owed.clear()
  }

  /** `docker run --restart`: what is refused is tried again twice. A client that is impatient gives up after so long. */
  run(volume: string, patienceMs?: number): Promise<void> {
    return this.#task(async (life) => {
      for (let tries = 0; tries < 3; tries++) {
        if (await this.#start(life, volume, patienceMs)) return
        await life.pass('restart', RESTART_MS)
      }
    })
  }

  async #start(life: Life, volume: string, patienceMs: number | undefined): Promise<boolean> {
    const container = this.#newContainer(volume)
    const { id } = container
    try {
      await this.client.call(life, {
        what: 'Create',
        deadlineMs: SLOW_MS,
        work: (manager, signal) => manager.create(volume, {}, { signal }),
      })
      await this.#mount(life, volume, id, patienceMs)
    } catch (error) {
      container.status = 'over'
      this.#refused(id, volume, error)
      return false
    }
    await life.pass(`start of ${id}`)
    const kept = this.#machine.kernel.enter(id, `/mnt/${volume}`)
    if (kept === undefined) return await this.#fail(life, container)
    container.status = 'running'
    this.#parts.chronicle.say(`${this.#machine.id}: ${id} runs`)
    this.#parts.referee.onMounted(this.#machine.id, kept.facts.id)
    this.#parts.referee.onFound(id, kept)
    this.write(container)
    return true
  }

  /** There is no data folder to bind: the container does not start. The Unmount of another one may do that to it, where it drops all references. */
  async #fail(life: Life, container: Container): Promise<false> {
    if (!this.#parts.settings.unmount.ignoreUsedCount)
      this.#parts.chronicle.violated(`${container.id} starts on a bare directory`)
    container.status = 'over'
    await this.#unmount(life, container)
    return false
  }

  /** `docker stop`: one Unmount, sent until a server answers or 30 s are over. */
  stop(container: Container): Promise<void> {
    return this.#task(async (life) => {
      this.write(container)
      container.status = 'stopping'
      await life.pass(`stop of ${container.id}`)
      this.#machine.kernel.leave(container.id)
      this.#parts.chronicle.say(`${this.#machine.id}: ${container.id} has stopped`)
      await this.#unmount(life, container)
      container.status = 'over'
    })
  }

  /** `docker cp`: a second Mount with the id of a container that runs, and its Unmount. */
  copy(container: Container): Promise<void> {
    return this.#task(async (life) => {
      container.isCopied = true
      try {
        await this.#mount(life, container.volume, container.id, undefined)
      } catch (error) {
        return this.#refused(container.id, container.volume, error)
      }
      await this.#unmount(life, container)
    })
  }

  /** `docker volume rm`. */
  remove(volume: string): Promise<boolean> {
    return this.#task(async (life) => {
      this.#parts.referee.allowRemoval(volume)
      try {
        await this.client.call(life, {
          what: 'Remove',
          deadlineMs: OTHER_MS,
          work: (manager, signal) => manager.remove(volume, { signal }),
        })
        return true
      } catch (error) {
        this.#refused('Remove', volume, error)
        return false
      }
    })
  }

  /** Asks for everything that changes nothing. */
  look(volume: string): Promise<void> {
    return this.#task(async (life) => {
      const asks: Work<unknown>[] = [
        (manager, signal) => manager.list({ signal }),
        (manager, signal) => manager.get(volume, { signal }),
        (manager) => manager.path(volume),
      ]
      for (const work of asks)
        await this.client
          .call(life, { what: 'look', deadlineMs: OTHER_MS, work })
          .catch((error: unknown) => this.#judge('look', error))
    })
  }

  /** One write by each container that runs, acknowledged if its volume works. */
  tick(): void {
    if (!this.#machine.isUp || this.#machine.isFrozen) return
    for (const container of this.living()) {
      this.write(container)
      requireKept(container, this.#machine, this.#parts)
    }
  }

  write(container: Container): void {
    if (container.isBroken || this.#machine.isFrozen) return
    container.writes += 1
    const text = `${container.id}.${container.writes}`
    const kept = this.#machine.kernel.write(container.id, text)
    if (kept === undefined) {
      container.isBroken = true
      this.#parts.chronicle.say(`${this.#machine.id}: ${container.id} cannot write any more`)
    } else this.#parts.referee.acknowledge(kept.facts.name, text)
  }

  #newContainer(volume: string): Container {
    this.#started += 1
    const container = newContainer(`${this.#machine.id}-c${this.#started}`, volume)
    this.containers.push(container)
    return container
  }

  async #mount(
    life: Life,
    name: string,
    holder: string,
    patienceMs: number | undefined,
  ): Promise<void> {
    const settle = (mounted: MountedVolume, isDelivered: boolean) => {
      if (!isDelivered) return mounted.undelivered()
      mounted.delivered()
      this.owed.set(holder, (this.owed.get(holder) ?? 0) + 1)
    }
    const work: Work<MountedVolume> = (manager, signal) =>
      manager.mount({ name, holder }, { signal })
    await this.client.call(life, { what: 'Mount', deadlineMs: SLOW_MS, work, settle, patienceMs })
  }

  async #unmount(life: Life, container: Container): Promise<void> {
    const { id, volume } = container
    try {
      await this.client.call(life, {
        what: 'Unmount',
        deadlineMs: OTHER_MS,
        work: (manager, signal) => manager.unmount({ name: volume, holder: id }, { signal }),
        onRepeat: () => {
          container.isAmbiguous = true
        },
      })
      const owed = (this.owed.get(id) ?? 0) - 1
      if (owed > 0) this.owed.set(id, owed)
      else this.owed.delete(id)
    } catch (error) {
      this.#refused(id, volume, error)
    }
  }

  async #task<T>(work: (life: Life) => Promise<T>): Promise<T> {
    const life = this.#life
    this.#open += 1
    try {
      return await work(life)
    } catch (error) {
      this.#parts.chronicle.violated(`the world is wrong: ${stackOf(error)}`)
      throw error
    } finally {
      if (life === this.#life) this.#open -= 1
    }
  }

  #refused(who: string, volume: string, error: unknown): void {
    this.#parts.chronicle.say(`${this.#machine.id}: ${who} is refused ${volume}: ${String(error)}`)
    this.#judge(who, error)
    if (!(error instanceof FailedPreconditionError)) return
    for (const { facts } of this.#parts.platform.now())
      if (facts.name === volume) this.#parts.referee.onRefusedMount(this.#machine.id, facts.id)
  }

  #judge(who: string, error: unknown): void {
    const isExpected =
      isStorageError(error) || (error instanceof Error && error.message === 'no plugin')
    if (!isExpected) this.#parts.chronicle.violated(`${who} met a bug: ${stackOf(error)}`)
  }
}

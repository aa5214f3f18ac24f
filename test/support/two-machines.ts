import type { Volume } from '../../src/libstorage/types.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import type { MountSettings, PreemptPolicy } from '../../src/mount/settings.ts'
import { eventually } from './eventually.ts'
import { MountWorld, mounted, quickSettings } from './mount-world.ts'

/** How long the machines of a test wait for each other, in milliseconds. */
export interface Waits {
  readonly attachWaitMs?: number
  readonly preemptGraceMs?: number
}

/** What a machine may do to the other one. */
export function mayTake(
  preempt: PreemptPolicy,
  { attachWaitMs = 0, preemptGraceMs = 60 }: Waits = {},
): Partial<MountSettings> {
  return { mount: { ...quickSettings.mount, preempt, attachWaitMs, preemptGraceMs } }
}

/** Two machines of one platform, `here` and `there`, which want the same volume. */
export class TwoMachines {
  readonly here = new MountWorld()
  readonly there = new MountWorld('there', this.here)

  get platform(): MountWorld['platform'] {
    return this.here.platform
  }

  /** A server here that may do so much. */
  server(preempt: PreemptPolicy, waits: Waits = {}): MountManager {
    return this.here.manager('server', mayTake(preempt, waits))
  }

  /** A server here that watches its devices. */
  startedServer(preempt: PreemptPolicy): MountManager {
    const manager = this.server(preempt)
    manager.start()
    return manager
  }

  /** Makes the volume `data`, mounts it here for the holder `a`, and lets the other machine take it. */
  async takenFrom(manager: MountManager): Promise<string> {
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const thief = this.there.manager('server', mayTake(true, { preemptGraceMs: 1 }))
    await mounted(thief, 'data', 'b')
    return this.platform.volumes()[0]?.id ?? ''
  }

  /** Makes the volume `data`, in use by a container of the other machine. */
  async mountedThere(): Promise<{ id: string; since: string; manager: MountManager }> {
    const manager = this.there.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'there')
    const [volume] = this.platform.volumes()
    const since = volume?.attachments[0]?.since.toISOString() ?? ''
    return { id: volume?.id ?? '', since, manager }
  }

  /** Makes the volume `data`, attached to the other machine, where nothing holds it. */
  attachedThere(facts: Partial<Volume> = {}): string {
    const volume = this.platform.add({ name: 'data', ...facts })
    this.platform.attachByHand(volume.id, 'there')
    return volume.id
  }

  /** Ends every use of the other machine's volumes there, as its stop does. */
  async unmountThere(): Promise<void> {
    const { kernel } = this.there
    for (const { mountPoint } of kernel.mounts()) await kernel.unmount(mountPoint)
  }

  /** Which machine has the volume. */
  holder(): string | undefined {
    return this.platform.volumes()[0]?.attachments[0]?.instanceId
  }

  /** What this machine recorded of a kind. */
  causes(kind: 'taken-over' | 'lost'): (string | undefined)[] {
    return this.here.events.filter((event) => event.kind === kind).map(({ cause }) => cause)
  }

  async end(): Promise<void> {
    this.platform.failAlways('volume')
    await this.here.end()
    await this.there.end()
  }
}

/** Waits until something has become so. */
export function until(condition: () => boolean): Promise<void> {
  return eventually(
    () => {
      if (!condition()) throw new Error('not yet')
    },
    { interval: 5 },
  )
}

import type { SnapshotDriver } from '../../src/libstorage/storage-driver.ts'
import type { Snapshot, SnapshotCopySpec } from '../../src/libstorage/types.ts'
import { EbsWorld, ebsSpec } from './ebs-world.ts'
import type { Delays } from './ec2/delays.ts'
import type { SimSnapshot } from './ec2/resources.ts'
import type { Ec2Simulator } from './ec2/simulator.ts'

/** A key of KMS in the simulated region. */
export const KEY = 'arn:aws:kms:us-east-1:123456789012:key/0aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'

/** A simulated region in which snapshots are copied, each time by another process. */
export class EbsCopyWorld {
  readonly world: EbsWorld

  private constructor(world: EbsWorld) {
    this.world = world
  }

  static async open(delays: Partial<Delays> = {}): Promise<EbsCopyWorld> {
    return new EbsCopyWorld(await EbsWorld.open({ delays: { snapshotPause: 0, ...delays } }))
  }

  get simulator(): Ec2Simulator {
    return this.world.simulator
  }

  /** The snapshots as a new process has them. */
  async process(...given: Parameters<EbsWorld['provider']>): Promise<SnapshotDriver> {
    const { snapshots } = (await this.world.provider(...given)).driver
    if (snapshots === undefined) throw new Error('there are no snapshots')
    return snapshots
  }

  /** A snapshot that is whole, of a new volume. */
  async taken(rest: Parameters<typeof ebsSpec>[1] = {}, name = 'data') {
    const { driver } = await this.world.provider()
    const volume = await driver.createVolume(ebsSpec(name, rest))
    const made = await driver.snapshots?.create(volume.id, { name: 's', labels: {} })
    const id = made?.id ?? ''
    this.become(id, 'completed')
    return { id, volumeId: volume.id }
  }

  /** Copies one by a new process. */
  async copy(id: string, spec: Partial<SnapshotCopySpec> = {}): Promise<Snapshot> {
    return await copyBy(await this.process(), id, spec)
  }

  become(id: string, state: SimSnapshot['state']): void {
    this.simulator.region.snapshots.set(id, { ...inFact(this.simulator, id), state })
  }

  close(): Promise<void> {
    return this.world.close()
  }
}

/** Has a process copy a snapshot, as `keep` unless another name is given. */
export async function copyBy(
  driver: SnapshotDriver,
  id: string,
  spec: Partial<SnapshotCopySpec> = {},
  signal?: AbortSignal,
): Promise<Snapshot> {
  const made = driver.copy?.(id, { name: 'keep', labels: {}, ...spec }, signal && { signal })
  if (made === undefined) throw new Error('nothing is copied')
  return await made
}

/** A snapshot as it is, and not as a look-up shows it. */
export function inFact({ region }: Ec2Simulator, id: string): SimSnapshot {
  const found = region.snapshots.get(id)
  if (found === undefined) throw new Error(`there is no ${id}`)
  return found
}

/** The ids of all copies that there are in fact. */
export function copiesIn({ region }: Ec2Simulator): string[] {
  return region.snapshots
    .all()
    .filter(({ isCopy }) => isCopy)
    .map(({ id }) => id)
}

import type { Snapshot, Volume, VolumeAttachment } from '../../src/libstorage/types.ts'

/** The machine that a test is on. */
export const HERE = 'i-here'

/** A volume with everything that a test does not care about filled in. */
export function aVolume(facts: Partial<Volume> & Pick<Volume, 'name'>): Volume {
  return {
    id: `vol-${facts.name}`,
    sizeGiB: 1,
    state: 'available',
    attachments: [],
    managed: true,
    labels: {},
    ...facts,
  }
}

/** An attachment of a volume to an instance. */
export function anAttachment(
  volumeId: string,
  facts: Partial<VolumeAttachment> = {},
): VolumeAttachment {
  return { volumeId, instanceId: HERE, state: 'attached', since: new Date(0), ...facts }
}

/** A snapshot with everything that a test does not care about filled in. */
export function aSnapshot(facts: Partial<Snapshot> & Pick<Snapshot, 'id'>): Snapshot {
  const rest = { volumeId: 'vol-data', sizeGiB: 1, labels: {}, state: 'complete' } as const
  return { name: '', createdAt: new Date('2024-05-06T07:08:09Z'), ...rest, ...facts }
}

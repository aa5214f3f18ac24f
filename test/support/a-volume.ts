import type { Volume, VolumeAttachment } from '../../src/libstorage/types.ts'

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

import { z } from 'zod'
import { NotFoundError, volumeNamed } from '../../src/libstorage/errors.ts'
import type { Provider } from '../../src/libstorage/storage-driver.ts'
import type { Volume, VolumeId } from '../../src/libstorage/types.ts'
import type { ProviderDefinition } from '../../src/providers/definition.ts'
import { anAttachment, aVolume } from './a-volume.ts'

/** How an in-memory provider differs from the others. */
export interface InMemoryProviderFacts {
  readonly name: string
  /** Why this machine cannot serve it. */
  readonly unavailable?: string
}

/** A provider of directories that exist in memory only. */
export function inMemoryProvider({ name, unavailable }: InMemoryProviderFacts): ProviderDefinition {
  return {
    name,
    aliases: [],
    settings: z.object({}),
    unavailable: async () => unavailable,
    create: async () => createProvider(name),
  }
}

function createProvider(name: string): Provider {
  const volumes = new Map<VolumeId, Volume>()
  const volume = async (id: VolumeId) => {
    const found = volumes.get(id)
    if (found === undefined) throw new NotFoundError(volumeNamed(id))
    return found
  }
  return {
    storage: 'directory',
    scope: 'local',
    consistency: 'strong',
    wishes: new Set(),
    looksLikeId: (text) => text.startsWith('vol-'),
    executor: { instance: async () => ({ id: 'here' }), device: async () => undefined },
    driver: {
      name,
      volume,
      volumes: async (query) =>
        [...volumes.values()].filter((each) => [undefined, each.name].includes(query?.name)),
      createVolume: async (spec) => {
        const made = aVolume(spec)
        volumes.set(made.id, made)
        return made
      },
      removeVolume: async (id) => {
        volumes.delete((await volume(id)).id)
      },
      attachVolume: async (id) => anAttachment((await volume(id)).id, { instanceId: 'here' }),
      detachVolume: async (id) => {
        await volume(id)
      },
    },
  }
}

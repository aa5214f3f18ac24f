import type { ProviderDefinition } from '../definition.ts'
import { poolPlace, poolSettings } from '../pool/settings.ts'

/** Plain directories: works for any user, anywhere; nothing enforces their size. */
export const vfsDefinition: ProviderDefinition = {
  name: 'vfs',
  aliases: [],
  settings: poolSettings,
  exclusiveStorage: (settings, context) => poolPlace(settings, context, 'vfs').path,

  async unavailable() {
    return undefined
  },

  async create(settings, context) {
    const { createVfsProvider } = await import('./index.ts')
    return createVfsProvider(settings, context)
  },
}

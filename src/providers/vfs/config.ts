import type { ProviderDefinition } from '../definition.ts'
import { poolPlace, poolSettings } from '../pool/settings.ts'

/** Plain directories: works for any user, anywhere; nothing enforces their size. */
export const vfsDefinition: ProviderDefinition = {
  name: 'vfs',
  aliases: [],
  settings: poolSettings,
  storage: 'directory',
  exclusiveStorage: (settings, context) => poolPlace(settings, context, 'vfs').path,

  async unavailable() {
    return undefined
  },

  async create(settings, context) {
    const { createVfsProvider } = await import('./index.ts')
    return createVfsProvider(settings, context)
  },

  async checks(settings, context) {
    const { poolCheck } = await import('../pool/checks.ts')
    return [poolCheck('vfs', poolPlace(settings, context, 'vfs'), context.run)]
  },
}

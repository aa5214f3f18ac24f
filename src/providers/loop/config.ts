import { access } from 'node:fs/promises'
import { isStorageError } from '../../libstorage/errors.ts'
import { run } from '../../libstorage/run.ts'
import type { ProviderDefinition } from '../definition.ts'
import { poolPlace, poolSettings } from '../pool/settings.ts'

/** Sparse files as block devices: a real file system and a hard size limit on any Linux machine, without a cloud. */
export const loopDefinition: ProviderDefinition = defineLoop('/dev/loop-control')

/** The definition where the kernel makes loop devices by this one. */
export function defineLoop(control: string): ProviderDefinition {
  return {
    name: 'loop',
    aliases: [],
    settings: poolSettings,
    exclusiveStorage: (settings, context) => poolPlace(settings, context, 'loop').path,
    unavailable: () => whyNot(control),

    async create(settings, context) {
      const { createLoopProvider } = await import('./index.ts')
      return createLoopProvider(settings, context)
    },

    async checks(settings, context) {
      const { loopChecks } = await import('./checks.ts')
      return loopChecks(settings, context)
    },
  }
}

async function whyNot(control: string): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'needs root'
  try {
    await access(control)
  } catch {
    return `needs ${control}, which this kernel or container does not have`
  }
  try {
    await run('losetup', ['--version'], { timeoutMs: 5_000 })
    return undefined
  } catch (error) {
    if (isStorageError(error)) return error.message
    throw error
  }
}

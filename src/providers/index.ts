import type { ProviderDefinition } from './definition.ts'
import { ebsDefinition } from './ebs/config.ts'
import { loopDefinition } from './loop/config.ts'
import { vfsDefinition } from './vfs/config.ts'
import { virtualboxDefinition } from './virtualbox/config.ts'

/** Every provider of this program. A new one is added here, and nowhere else. */
export const providers: readonly ProviderDefinition[] = [
  loopDefinition,
  vfsDefinition,
  ebsDefinition,
  virtualboxDefinition,
]

import { hostname } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import * as z from 'zod'
import type { ProviderContext } from '../definition.ts'
import { folderName } from './folder-name.ts'
import { type MachineName, readMachineId } from './machine-name.ts'

/** The keys of a provider that keeps its volumes in a pool. */
export const poolSettings = z.object({
  pool: z
    .string()
    .refine(isAbsolute, 'must be an absolute path')
    .optional()
    .describe(
      'the folder that holds the volumes; by default one of its own beneath the library folder',
    ),
  instance: z
    .string()
    .min(1)
    .optional()
    .describe("this machine's name among all that share the pool; by default its host name"),
})

/** Where the pool lies and who we are in it. */
export interface PoolPlace {
  readonly path: string
  /** Whether the place was chosen by us, so that folders above it are made too. */
  readonly isDefault: boolean
  readonly self: MachineName
  /** The file by which this machine remembers that the pool had volumes. */
  readonly memory: string
}

/** Fills in what was not configured. `folder` is the pool's name beneath the library folder. */
export function poolPlace(settings: unknown, context: ProviderContext, folder: string): PoolPlace {
  const { pool, instance } = poolSettings.parse(settings)
  const path = resolve(pool ?? join(context.libDirectory, folder))
  return {
    path,
    memory: join(context.libDirectory, 'pools', folderName(`${folder} ${path}`)),
    isDefault: pool === undefined,
    // A name that somebody chose is told apart by him.
    self:
      instance === undefined ? { instance: hostname(), machineId: readMachineId() } : { instance },
  }
}

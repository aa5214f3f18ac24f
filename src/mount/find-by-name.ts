import { NotFoundError } from '../libstorage/errors.ts'
import type { Volume } from '../libstorage/types.ts'
import type { MountContext } from './mount-context.ts'

/** The volume of this name, in any letter case: before something is destroyed by name. */
export async function findByName(
  { service }: MountContext,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Volume | undefined> {
  try {
    return await service.catalog.find(name, { fresh: true, thorough: true, nameOnly: true, signal })
  } catch (error) {
    if (error instanceof NotFoundError) return undefined
    throw error
  }
}

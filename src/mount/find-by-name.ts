import type { FindOptions } from '../libstorage/catalog.ts'
import { NotFoundError } from '../libstorage/errors.ts'
import type { Volume } from '../libstorage/types.ts'
import type { MountContext } from './mount-context.ts'

/** The volume of this name, in any letter case, and of no id: before a client's word destroys something. */
export async function findByName(
  context: MountContext,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Volume | undefined> {
  return await findNow(context, name, { nameOnly: true, signal })
}

/** The volume of this name, in any letter case, else the one with this id: before a person's word changes something. */
export async function findByNameOrId(
  context: MountContext,
  nameOrId: string,
  signal: AbortSignal | undefined,
): Promise<Volume | undefined> {
  return await findNow(context, nameOrId, { signal })
}

async function findNow(
  { service }: MountContext,
  text: string,
  options: FindOptions,
): Promise<Volume | undefined> {
  try {
    return await service.catalog.find(text, { fresh: true, thorough: true, ...options })
  } catch (error) {
    if (error instanceof NotFoundError) return undefined
    throw error
  }
}

import type { FindOptions } from '../libstorage/catalog.ts'
import { NotFoundError } from '../libstorage/errors.ts'
import type { Volume } from '../libstorage/types.ts'
import type { MountContext } from './mount-context.ts'

/**
 * The volume that is meant by a name, or else by an id. A command looks without regard to letter case at what is there now:
 * it has no list at hand that a server would have, and whoever typed the name waits for one look more.
 */
export async function findVolume(
  { service, role }: Pick<MountContext, 'service' | 'role'>,
  nameOrId: string,
  options: FindOptions = {},
): Promise<Volume> {
  return await service.catalog.find(nameOrId, { thorough: role === 'command', ...options })
}

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

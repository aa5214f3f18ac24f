import path from 'node:path'
import { InvalidArgumentError, isStorageError } from './libstorage/errors.ts'
import type { Run } from './libstorage/run.ts'

/** How long a disk may take to say where a path leads, in milliseconds. */
const LOOK_MS = 2_000

/** A service, and the storage that nobody else may have; undefined where others do no harm. */
export interface StorageOfService {
  readonly name: string
  readonly storage: string | undefined
}

/** What two services must not do, as an error has it. */
export interface SharedStorage {
  readonly subject: string
  readonly problem: string
  readonly remedy: string
}

/** Rejects with `InvalidArgumentError` where two services have one storage. */
export async function refuseSharedStorage(
  services: readonly StorageOfService[],
  run: Run,
): Promise<void> {
  const [first] = await findSharedStorage(services, run)
  if (first !== undefined) throw new InvalidArgumentError(first)
}

/** The services that have the storage of another, by whatever path: neither would know of the other's containers. */
export async function findSharedStorage(
  services: readonly StorageOfService[],
  run: Run,
): Promise<readonly SharedStorage[]> {
  if (services.filter(({ storage }) => storage !== undefined).length < 2) return []
  const seen = new Map<string, string>()
  const found: SharedStorage[] = []
  const places = services.map(async ({ name, storage }) => ({
    name,
    real: storage === undefined ? undefined : await whereItLeads(storage, run),
  }))
  for (const { name, real } of await Promise.all(places)) {
    if (real === undefined) continue
    const other = seen.get(real)
    if (other === undefined) seen.set(real, name)
    else
      found.push({
        subject: `services "${other}" and "${name}"`,
        problem: `share their storage ${real}`,
        remedy: 'leave one out, or give it another',
      })
  }
  return found
}

/**
 * What is not there yet is looked for in its folder; what is on a disk that does not answer is taken by its words. A child
 * looks: this process would not end while a thread of its own waits for such a disk.
 */
async function whereItLeads(storage: string, run: Run): Promise<string> {
  const named = path.resolve(storage)
  try {
    const args = ['--canonicalize-missing', '--zero', '--', named]
    const { exitCode, stdout } = await run('readlink', args, { timeoutMs: LOOK_MS })
    return exitCode === 0 ? stdout.replace('\0', '') : named
  } catch (error) {
    if (!isStorageError(error)) throw error
    return named
  }
}

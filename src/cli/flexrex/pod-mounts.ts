import { createHash } from 'node:crypto'
import { readFileSync, realpathSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as z from 'zod'
import { systemCode } from '../../libstorage/errors.ts'
import { timeLimit } from '../../libstorage/wait.ts'
import { readMounts } from '../../mount/linux/mountinfo.ts'
import { ProcessLocks } from '../../mount/locks.ts'
import type { MountEntry } from '../../mount/mounter.ts'
import { writeWhole } from '../service/write-whole.ts'

/** Another call for the same folder takes as long as a Mount may. */
const TURN_MS = 120_000

const podMountSchema = z.object({
  folder: z.string(),
  volume: z.string(),
  /** Absent for the one that is meant where none is named. */
  service: z.string().optional(),
  /** By which the server knows who has the volume. */
  holder: z.string(),
})

/** A volume that a pod has, or may have, in a folder of its own. */
export type PodMount = z.infer<typeof podMountSchema>

/** What was mounted for pods in this boot: kubelet's unmount names nothing but a folder. */
export class PodMounts {
  readonly #directory: string

  /** The directory is in the run directory, and made when it is missing. */
  constructor(runDirectory: string) {
    this.#directory = join(runDirectory, 'flexrex')
  }

  /** Runs the work while no other call works on this folder. */
  async exclusively<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
    const locks = new ProcessLocks(this.#directory)
    await locks.sweep()
    const lock = await locks.acquire(keyOf(folder), 'serves a pod', timeLimit(TURN_MS))
    try {
      return await work()
    } finally {
      await lock.release()
    }
  }

  /** What was noted of a folder; undefined where nothing was, or nothing that can be read. */
  of(folder: string): PodMount | undefined {
    try {
      return podMountSchema.safeParse(JSON.parse(readFileSync(this.#fileOf(folder), 'utf8'))).data
    } catch (error) {
      if (systemCode(error) === undefined && !(error instanceof SyntaxError)) throw error
      return undefined
    }
  }

  note(mount: PodMount): void {
    writeWhole(this.#fileOf(mount.folder), JSON.stringify(mount))
  }

  forget(folder: string): void {
    rmSync(this.#fileOf(folder), { force: true })
  }

  #fileOf(folder: string): string {
    return join(this.#directory, `${keyOf(folder)}.json`)
  }
}

/** What is mounted on a folder, by whatever links that is named; undefined where nothing is. */
export function mountAt(folder: string): MountEntry | undefined {
  const place = realPath(folder)
  return readMounts().findLast(({ mountPoint }) => mountPoint === place)
}

/** Who has a volume in a folder of kubelet's: the pod, and the volume's name in it. */
export function holderOf(folder: string): string {
  const { pod, name } =
    /\/pods\/(?<pod>[^/]+)\/volumes\/[^/]+\/(?<name>.+)$/.exec(folder)?.groups ?? {}
  return pod === undefined || name === undefined ? folder : `${pod}/${name}`
}

function keyOf(folder: string): string {
  return createHash('sha256').update(folder).digest('hex').slice(0, 32)
}

/** By the links before the folder, and by its own where it can be looked at: the root of a failed xfs cannot. */
function realPath(folder: string): string {
  try {
    return realpathSync(folder)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    if (systemCode(error) === 'ENOENT') return folder
    return join(realpathSync(dirname(folder)), basename(folder))
  }
}

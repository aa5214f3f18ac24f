import * as fs from 'node:fs/promises'
import { syncFolder } from '../../libstorage/durable-file.ts'
import { FailedPreconditionError, volumeNamed } from '../../libstorage/errors.ts'
import type { Run } from '../../libstorage/run.ts'
import type { AttachmentState } from '../../libstorage/types.ts'
import type { Claim } from '../pool/claim.ts'
import type { Content, CopyOptions, DisconnectOptions } from '../pool/content.ts'
import { runInPool } from '../pool/copy.ts'
import type { PoolTurns } from '../pool/pool-turns.ts'
import type { StoredVolume } from '../pool/stored-volume.ts'

/** The directory that is a volume's content. */
export const FILES_FOLDER = 'files'
/** As Docker's own volumes; containers enter it as whatever user they run as. */
const MODE = 0o755

/** Volumes as directories. There is nothing to bring to a machine: who has the claim has the directory. */
export class VfsContent implements Content {
  readonly name = 'vfs'
  readonly #run: Run
  readonly #turns: PoolTurns

  constructor(run: Run, turns: PoolTurns) {
    this.#run = run
    this.#turns = turns
  }

  async make(path: string): Promise<void> {
    await fs.mkdir(path)
    await fs.chmod(path, MODE)
    await syncFolder(path)
  }

  /** A directory's size is only said. */
  async grow(): Promise<void> {}

  async announce(): Promise<void> {}

  /** Files that are written one after the other are never all of one moment: a directory in use is refused. */
  async copy(from: string, to: string, { atOnce, name, signal }: CopyOptions): Promise<void> {
    if (atOnce)
      throw new FailedPreconditionError({
        subject: volumeNamed(name),
        problem: 'is in use, and a directory cannot be copied at one moment',
        remedy: 'stop what uses it and try again',
      })
    await runInPool(this.#run, signal, 'cp', '-a', '--reflink=auto', '-T', '--', from, to)
    await runInPool(this.#run, signal, 'sync', '--file-system', to)
  }

  async isConnected(): Promise<boolean> {
    return false
  }

  async connect(): Promise<undefined> {
    return undefined
  }

  async undo(): Promise<void> {}

  /** Refuses while something is mounted inside, which a removal would empty; nothing is ever there to take away. */
  async disconnect(
    volume: StoredVolume,
    _claim: Claim | undefined,
    { signal }: DisconnectOptions,
  ): Promise<boolean> {
    const folder = await this.#turns.take(() => fs.realpath(volume.folder), signal)
    const beneath = `${folder}/`
    const inside = (await mountPoints()).find((path) => path.startsWith(beneath))
    if (inside === undefined) return false
    throw new FailedPreconditionError({
      subject: volumeNamed(volume.name),
      problem: `has something mounted inside, at ${inside}`,
      remedy: 'unmount that first',
    })
  }

  state(): AttachmentState {
    return 'attached'
  }

  assertReachable(): void {}
}

/** proc(5): the fifth field, in which space, tab, newline and backslash are octal escapes. */
async function mountPoints(): Promise<string[]> {
  const lines = (await fs.readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  return lines.map((line) =>
    (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    ),
  )
}

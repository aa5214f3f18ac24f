import { FailedPreconditionError, InvalidArgumentError } from '../../libstorage/errors.ts'
import { makeFolder } from '../../libstorage/make-folder.ts'
import { lastLine, type Run } from '../../libstorage/run.ts'
import { shellWord } from '../../libstorage/shell.ts'
import { unmountLazily, unmountPath } from '../../mount/linux/mount-points.ts'
import type { CommandContext } from '../context.ts'
import { RefusedError } from '../dvdcli/plugin-reply.ts'
import { isDead } from './dead-mount.ts'
import { holderOf, mountAt, type PodMount, PodMounts } from './pod-mounts.ts'
import { ServerVolumes } from './server-volumes.ts'

const MOUNT_MS = 30_000

/** What kubelet understands: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-storage/flexvolume.md */
interface Answer {
  readonly status: 'Success' | 'Failure' | 'Not supported'
  readonly message?: string
  readonly capabilities?: { readonly attach: boolean }
}

/** What a pod asks for. */
interface Wish {
  readonly volume: string
  readonly service?: string
  readonly isReadOnly: boolean
}

/**
 * Answers one call of kubelet's with one JSON object, whatever happens. kubelet is told that nothing has to be attached
 * beforehand, which its controller would do on another machine, and then calls `mount` and `unmount` alone.
 */
export async function answerCall(
  context: CommandContext,
  words: readonly string[],
): Promise<number> {
  const answer = await answerTo(context, words)
  context.stdout.write(`${JSON.stringify(answer)}\n`)
  return answer.status === 'Success' ? 0 : 1
}

async function answerTo(
  context: CommandContext,
  [call, folder, ...rest]: readonly string[],
): Promise<Answer> {
  if (call === 'init') return { status: 'Success', capabilities: { attach: false } }
  if ((call !== 'mount' && call !== 'unmount') || folder === undefined)
    return { status: 'Not supported' }
  try {
    const driver = await FlexDriver.open(context)
    // Up to 1.5 kubelet named a device before the options.
    await (call === 'mount' ? driver.mount(folder, rest.at(-1)) : driver.unmount(folder))
    return { status: 'Success' }
  } catch (error) {
    return { status: 'Failure', message: error instanceof Error ? error.message : String(error) }
  }
}

class FlexDriver {
  readonly #run: Run
  readonly #server: ServerVolumes
  readonly #mounts: PodMounts

  private constructor(run: Run, server: ServerVolumes, mounts: PodMounts) {
    this.#run = run
    this.#server = server
    this.#mounts = mounts
  }

  static async open({ host, flags }: CommandContext): Promise<FlexDriver> {
    const config = await host.loadConfig(flags())
    const mounts = new PodMounts(config.directories.run)
    return new FlexDriver(host.run, new ServerVolumes(config), mounts)
  }

  /** Mounts a volume on a folder; where it is mounted there already, and alive, that is done. */
  async mount(folder: string, options: string | undefined): Promise<void> {
    const { isReadOnly, ...wanted } = readOptions(options)
    const mount: PodMount = { folder, ...wanted, holder: holderOf(folder) }
    this.#server.requireServed(mount.service)
    await this.#mounts.exclusively(folder, async () => {
      const before = this.#mounts.of(folder)
      if (await this.#isMounted(mount, before)) return await this.#protect(folder, isReadOnly)
      // A call that was cut short may have left a reference: the server counts each.
      if (before !== undefined) await this.#server.unmount(before)
      this.#mounts.note(mount)
      const mountpoint = await this.#mountBy(mount)
      try {
        await this.#bind(mountpoint, folder, isReadOnly)
      } catch (error) {
        await this.#letGo(mount)
        throw error
      }
    })
  }

  /** Whether that is done already. A dead mount of the volume is taken away: whoever has files open in it has lost them already. */
  async #isMounted({ folder, ...wanted }: PodMount, before: PodMount | undefined) {
    const there = mountAt(folder)
    if (there === undefined) return false
    if (before?.volume !== wanted.volume || before.service !== wanted.service)
      throw inUse(folder, 'has another mount')
    if (!(await isDead(there, this.#run))) return true
    await unmountLazily(folder, this.#run)
    return false
  }

  /** What was refused left nothing; where no answer came a reference may be left. */
  async #mountBy(mount: PodMount): Promise<string> {
    try {
      return await this.#server.mount(mount)
    } catch (error) {
      if (error instanceof RefusedError) this.#mounts.forget(mount.folder)
      throw error
    }
  }

  /** Takes what is mounted on a folder away, and lets go of the volume. */
  async unmount(folder: string): Promise<void> {
    await this.#mounts.exclusively(folder, async () => {
      const mount = this.#mounts.of(folder)
      if (mount === undefined) await this.#takeAway(folder)
      else await this.#letGo(mount)
    })
  }

  /** Only then nothing of the pod's holds the volume any more. */
  async #letGo(mount: PodMount): Promise<void> {
    await this.#takeAway(mount.folder)
    await this.#server.unmount(mount)
    this.#mounts.forget(mount.folder)
  }

  async #takeAway(folder: string): Promise<void> {
    if (mountAt(folder) === undefined) return
    if ((await unmountPath(folder, this.#run)) === 'busy') throw inUse(folder, 'is in use')
  }

  async #bind(mountpoint: string, folder: string, isReadOnly: boolean): Promise<void> {
    await makeFolder(folder)
    await this.#mountTool('--bind', '--', mountpoint, folder)
    await this.#protect(folder, isReadOnly)
  }

  async #protect(folder: string, isReadOnly: boolean): Promise<void> {
    if (isReadOnly) await this.#mountTool('-o', 'remount,bind,ro', '--', folder)
  }

  async #mountTool(...args: readonly string[]): Promise<void> {
    const result = await this.#run('mount', args, { timeoutMs: MOUNT_MS })
    if (result.exitCode === 0) return
    throw new FailedPreconditionError({
      subject: `mount ${args.join(' ')}`,
      problem: `failed: ${lastLine(result)}`,
    })
  }
}

/** Reads what stands under `options` of a pod's flexVolume, and what kubelet adds. */
function readOptions(text = ''): Wish {
  const options = objectIn(text)
  const { volumeID: volume, service } = options
  if (typeof volume !== 'string' || volume === '')
    throw new InvalidArgumentError({
      subject: 'option volumeID',
      problem: 'is missing',
      remedy: 'set it to the name or id of a volume under options of the flexVolume',
    })
  return {
    volume,
    ...(typeof service === 'string' && service !== '' && { service }),
    isReadOnly: options['kubernetes.io/readwrite'] === 'ro',
  }
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return { ...value }
  } catch {}
  throw new InvalidArgumentError({
    subject: 'what kubelet says of the volume',
    problem: 'is no JSON object',
    remedy: 'call this driver as FlexVolume says',
  })
}

function inUse(folder: string, problem: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: folder,
    problem,
    remedy: `see findmnt ${shellWord(folder)}`,
  })
}

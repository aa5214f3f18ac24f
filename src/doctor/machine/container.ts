import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import type { ModuleConfig } from '../../config/config.ts'
import type { Check, Finding } from '../../libstorage/check.ts'
import { systemCode } from '../../libstorage/errors.ts'
import { type Habitat, shortId } from '../habitat.ts'
import { mountAbove, mountsOf, type SeenMountpoint } from './mounts.ts'
import { mountInfoOf } from './processes.ts'

/** CAP_SYS_ADMIN, which mounting needs; capabilities(7). */
const SYS_ADMIN = 21n
const UNIX = 'unix://'
/** Where the image has the pools of local drivers, and whence they come to it as a managed plugin. */
const POOLS = { inside: '/pool', outside: '/var/lib' }

/** What a container should have of the machine. */
export interface ContainerParts {
  readonly habitat: Habitat
  /** The folder with which volumes are in use. */
  readonly stateFolder: string
  /** The folders of mount points. */
  readonly mountFolders: readonly string[]
  /** The sockets that are served. */
  readonly modules: readonly Pick<ModuleConfig, 'host'>[]
  /** The folders in which drivers keep volumes on this machine. */
  readonly pools: readonly string[]
  /** Whether volumes are mounted. */
  readonly blocks: boolean
}

/** What a container shows of itself. */
export interface ContainerView {
  /** As `/proc/self/mountinfo`. */
  readonly mountInfo: () => string
  /** Whether what runs in it may mount. */
  readonly mayMount: () => boolean
  /** Whether the first process that is seen lives in it. */
  readonly seesOwnProcessesAlone: () => boolean
}

const OWN_VIEW: ContainerView = {
  mountInfo: () => mountInfoOf('self'),
  mayMount,
  seesOwnProcessesAlone,
}

/** Whether this is a container, and which flags of `docker run` it lacks. */
export function containerCheck(parts: ContainerParts, view: ContainerView = OWN_VIEW): Check {
  return {
    id: 'machine.container',
    title: 'the container that this may be',
    run: async () => {
      const { habitat } = parts
      if (habitat.kind === 'machine')
        return [{ verdict: 'pass', seen: 'this program runs on the machine itself' }]
      const seen = `this program runs in the ${habitat.kind === 'plugin' ? 'managed plugin' : 'container'} ${shortId(habitat.id)}`
      // An engine gives a plugin all that its config.json says, or does not start it.
      if (habitat.kind === 'plugin') return [{ verdict: 'pass', seen }]
      const lacking = lackingOf(parts, view)
      return lacking.length === 0 ? [{ verdict: 'pass', seen }] : lacking
    },
  }
}

function lackingOf(parts: ContainerParts, view: ContainerView): readonly Finding[] {
  const mounts = mountsOf(view.mountInfo())
  const rights =
    parts.blocks && !view.mayMount()
      ? [lacks('fail', 'this container may not mount volumes', '--privileged')]
      : []
  const what = 'the processes of the machine are not seen from this container'
  const processes = view.seesOwnProcessesAlone()
    ? [lacks('warn', `${what}: neither an engine nor who uses a volume`, '--pid host')]
    : []
  const mounted = parts.blocks ? unshared(parts, mounts) : []
  return [...rights, ...insideFindings(parts, mounts), ...mounted, ...processes]
}

/** Folders that lie in the container, whence nobody else finds them, and with which they end. */
function insideFindings(
  { stateFolder, modules, pools }: ContainerParts,
  mounts: readonly SeenMountpoint[],
): readonly Finding[] {
  const own = { what: 'what is known of volumes in use ends with it', flag: ':rshared' }
  const folders = [
    { folder: stateFolder, from: stateFolder, ...own },
    ...socketFoldersOf(modules).map((folder) => ({
      ...{ folder, from: folder },
      ...{ what: 'Docker finds no socket in it', flag: '' },
    })),
    ...pools
      .filter((pool) => !pool.startsWith(`${stateFolder}/`))
      .map((pool) => path.dirname(pool))
      .map((folder) => ({
        ...{ folder, from: folder === POOLS.inside ? POOLS.outside : folder },
        ...{ what: 'volumes in it end with it', flag: '' },
      })),
  ]
  return folders
    .filter(({ folder }) => isInside(mountAbove(folder, mounts)))
    .map(({ folder, from, what, flag }) =>
      lacks(
        'warn',
        `${folder} lies in this container: ${what}`,
        `--volume ${from}:${folder}${flag}`,
      ),
    )
}

function isInside(mount: SeenMountpoint | undefined): boolean {
  return (mount?.mountPoint ?? '/') === '/'
}

/** On every system with systemd, /var/run is another name of /run. */
function socketFoldersOf(modules: ContainerParts['modules']): readonly string[] {
  const files = modules.flatMap(({ host }) =>
    host.startsWith(UNIX) ? host.slice(UNIX.length) : [],
  )
  return [...new Set(files.map((file) => path.dirname(file).replace(/^\/var\/run\//, '/run/')))]
}

/** Folders of mount points from which nothing reaches the machine; those in the folder for state, where that is to be mounted itself, are left out. */
function unshared(
  { mountFolders, stateFolder }: ContainerParts,
  mounts: readonly SeenMountpoint[],
): readonly Finding[] {
  return mountFolders.flatMap((folder) => {
    const mount = mountAbove(folder, mounts)
    if (mount?.shared !== undefined) return []
    if (isInside(mount) && folder.startsWith(`${stateFolder}/`)) return []
    const place = isInside(mount) ? folder : mount?.mountPoint
    return lacks(
      'warn',
      `what is mounted in ${folder} stays in this container: others get empty folders in place of volumes`,
      `--volume ${place}:${place}:rshared`,
    )
  })
}

function lacks(verdict: 'warn' | 'fail', seen: string, flag: string): Finding {
  return { verdict, seen, remedy: `docker run ${flag} …` }
}

function mayMount(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return ((BigInt(`0x${effective ?? '0'}`) >> SYS_ADMIN) & 1n) === 1n
}

/** A process that may not be looked at is none of ours. */
function seesOwnProcessesAlone(): boolean {
  try {
    const [first, own] = ['/proc/1/root', '/'].map((place) => statSync(place))
    return first?.dev === own?.dev && first?.ino === own?.ino
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return false
  }
}

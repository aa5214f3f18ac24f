import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import type { ModuleConfig } from '../../config/config.ts'
import type { Check, Finding } from '../../libstorage/check.ts'
import { mountInfoOf, mountNamespaceOf, processesNamed, type SeenProcess } from './processes.ts'

/** Where Docker looks for sockets; https://docs.docker.com/engine/extend/plugin_api/ */
const DOCKER_SOCKETS = '/run/docker/plugins'

/** What an engine's view is compared with. */
export interface EngineParts {
  /** The sockets that are served: an engine that finds none of them has nothing to do with us. */
  readonly modules: readonly Pick<ModuleConfig, 'host' | 'spec'>[]
  /** The folders of mount points. */
  readonly mountFolders: readonly string[]
  /** The process of the running server; this one where none is known. */
  readonly server: () => Promise<number | undefined>
  /** Whether volumes are devices, which appear in /dev while it runs. */
  readonly blocks: boolean
  /** The name of the engine's process; `dockerd` unless given. */
  readonly engine?: string
}

/** One mount, as far as its propagation is concerned; mount_namespaces(7). */
interface Mount {
  readonly mountPoint: string
  readonly fsType: string
  /** Its peer group, while it is shared. */
  readonly shared: string | undefined
  /** The peer group that it receives from. */
  readonly receivesFrom: string | undefined
}

/** Whether mounts that are made here reach the engine, and new devices appear in /dev. */
export function engineCheck(parts: EngineParts): Check {
  return {
    id: 'machine.engine',
    title: 'mounts and devices as Docker sees them',
    run: async () => {
      const server = (await parts.server()) ?? 'self'
      const here = mountsOf(mountInfoOf(server))
      const engines = processesNamed(parts.engine ?? 'dockerd')
      const views = engines.flatMap((engine) => findingsAbout(engine, { ...parts, here, server }))
      const devices = parts.blocks ? deviceFindings(here) : []
      const none: Finding = { verdict: 'pass', seen: 'no Docker engine is seen from here' }
      return [...devices, ...(engines.length === 0 ? [none] : views)]
    },
  }
}

function findingsAbout(
  { pid, command }: SeenProcess,
  {
    here,
    server,
    mountFolders,
    modules,
  }: Pick<EngineParts, 'mountFolders' | 'modules'> & {
    readonly here: readonly Mount[]
    readonly server: number | 'self'
  },
): readonly Finding[] {
  const engine = `${command} (pid ${pid})`
  const [ours, theirs] = [mountNamespaceOf(server), mountNamespaceOf(pid)]
  if (theirs === undefined) {
    const seen = `${engine} cannot be looked at`
    return [{ verdict: 'warn', seen, remedy: 'sudo remora doctor' }]
  }
  if (ours === theirs) return [{ verdict: 'pass', seen: `${engine} sees the same mounts` }]
  if (!modules.some((module) => isFound(module, server, pid)))
    return [{ verdict: 'pass', seen: `${engine} does not find our sockets, and is left out` }]
  const there = mountsOf(mountInfoOf(pid))
  return mountFolders.map((folder) => propagation(engine, folder, { here, there }))
}

/** Whether an engine finds a socket of ours: where it looks by itself, or by a file that says where it is. */
function isFound(
  { host, spec }: Pick<ModuleConfig, 'host' | 'spec'>,
  server: number | 'self',
  engine: number,
): boolean {
  const folder = path.dirname(host.replace(/^unix:\/\//, ''))
  if (folder === DOCKER_SOCKETS) return isSameFolder(folder, server, engine)
  try {
    return readFileSync(`/proc/${engine}/root${spec}`, 'utf8').trim() === host
  } catch {
    return false
  }
}

/** Whether two processes find the same folder at a path. Sockets lie in memory, which never hangs. */
function isSameFolder(folder: string, one: number | 'self', other: number): boolean {
  const [ours, theirs] = [one, other].map((pid) => {
    try {
      const { dev, ino } = statSync(`/proc/${pid}/root${folder}`)
      return `${dev}:${ino}`
    } catch {
      return undefined
    }
  })
  return ours !== undefined && ours === theirs
}

function propagation(
  engine: string,
  folder: string,
  { here, there }: { readonly here: readonly Mount[]; readonly there: readonly Mount[] },
): Finding {
  const own = mountAbove(folder, here)
  const other = mountAbove(folder, there)
  const seen = `${engine} has a mount namespace of its own`
  if (own?.shared === undefined)
    return {
      verdict: 'fail',
      seen: `${seen}, and ${own?.mountPoint ?? '/'}, in which ${folder} lies, is not shared: containers get empty folders in place of volumes`,
      remedy: `mount --make-rshared ${own?.mountPoint ?? '/'}\nin a container: --volume ${folder}:${folder}:rshared`,
    }
  if (other?.shared === own.shared || other?.receivesFrom === own.shared)
    return { verdict: 'pass', seen: `${seen}; what is mounted in ${folder} reaches it` }
  return {
    verdict: 'fail',
    seen: `${seen}, which receives nothing that is mounted in ${folder}: containers get empty folders in place of volumes`,
    remedy: `look at MountFlags and PrivateMounts of the engine's unit: systemctl show docker -p MountFlags -p PrivateMounts\nset MountFlags=shared and restart it`,
  }
}

/** In a container /dev is a folder of its own, in which a new device never appears. */
function deviceFindings(here: readonly Mount[]): readonly Finding[] {
  const dev = mountAbove('/dev', here)
  if (dev === undefined || dev.mountPoint !== '/dev' || dev.fsType === 'devtmpfs') return []
  return [
    {
      verdict: 'fail',
      seen: `/dev is a ${dev.fsType} and not the kernel's: devices of volumes that are attached later do not appear there`,
      remedy: 'in a container: --privileged --volume /dev:/dev',
    },
  ]
}

/** The mount in which a path lies: the last of the longest that lead to it. */
function mountAbove(place: string, mounts: readonly Mount[]): Mount | undefined {
  const above = mounts.filter(
    ({ mountPoint }) => place === mountPoint || place.startsWith(mountPoint.replace(/\/?$/, '/')),
  )
  const longest = Math.max(...above.map(({ mountPoint }) => mountPoint.length))
  return above.findLast(({ mountPoint }) => mountPoint.length === longest)
}

function mountsOf(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ')
    const separator = fields.indexOf('-', 6)
    const mountPoint = fields[4]
    if (separator < 0 || mountPoint === undefined) return []
    const optional = fields.slice(6, separator)
    const tagged = (tag: string) =>
      optional.find((field) => field.startsWith(`${tag}:`))?.slice(tag.length + 1)
    const fsType = fields[separator + 1] ?? ''
    return [{ mountPoint, fsType, shared: tagged('shared'), receivesFrom: tagged('master') }]
  })
}

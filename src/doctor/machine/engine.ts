import type { ModuleConfig } from '../../config/config.ts'
import type { Check, Finding } from '../../libstorage/check.ts'
import type { Run } from '../../libstorage/run.ts'
import { shellWord } from '../../libstorage/shell.ts'
import type { Habitat } from '../habitat.ts'
import { hanging, inSnap, isFound, isOfSnap, withoutSpec } from './engine-sockets.ts'
import { mountAbove, mountsOf, type SeenMountpoint } from './mounts.ts'
import {
  hasEnded,
  mountInfoOf,
  mountNamespaceOf,
  processesNamed,
  type SeenProcess,
} from './processes.ts'

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
  readonly run: Run
  readonly habitat: Habitat
}

/** Whether mounts that are made here reach the engine, and new devices appear in /dev. */
export function engineCheck(parts: EngineParts): Check {
  return {
    id: 'machine.engine',
    title: 'mounts and devices as Docker sees them',
    run: async (signal) => {
      const server = (await parts.server()) ?? 'self'
      const here = mountsOf(mountInfoOf(server))
      if (parts.habitat.kind === 'plugin') return parts.mountFolders.map(ofPlugin(here))
      const named = processesNamed(parts.engine ?? 'dockerd')
      const engines = named.filter(({ pid }) => !hasEnded(pid))
      const look: Look = { ...parts, here, server, signal }
      const views = await Promise.all(engines.map((engine) => findingsAbout(engine, look)))
      const devices = parts.blocks ? deviceFindings(here) : []
      const none: Finding = { verdict: 'pass', seen: 'no Docker engine is seen from here' }
      return [...devices, ...(engines.length === 0 ? [none] : views.flat())]
    },
  }
}

/** An engine itself makes what its plugin mounts spread to it; others have nothing to do with that. */
function ofPlugin(here: readonly SeenMountpoint[]) {
  return (folder: string): Finding => {
    const mount = mountAbove(folder, here)
    if (mount?.shared !== undefined)
      return {
        verdict: 'pass',
        seen: `what is mounted in ${folder} reaches the engine of this plugin`,
      }
    return {
      verdict: 'fail',
      seen: `${folder} lies outside of what the engine shares with this plugin (${mount?.mountPoint}): containers get empty folders in place of volumes`,
      remedy: `leave the folder of mount points at /var/lib/rexray/volumes`,
    }
  }
}

/** What an engine's view is compared with, and how it is looked at. */
interface Look extends Omit<EngineParts, 'server'> {
  readonly here: readonly SeenMountpoint[]
  readonly server: number | 'self'
  readonly signal: AbortSignal
}

async function findingsAbout(
  { pid, command }: SeenProcess,
  look: Look,
): Promise<readonly Finding[]> {
  const { server, modules, habitat } = look
  const engine = `${command} (pid ${pid})`
  const [ours, theirs] = [mountNamespaceOf(server), mountNamespaceOf(pid)]
  if (theirs === undefined) return [unseen(engine, habitat)]
  const isOfOurs = ours === theirs
  for (const module of modules) {
    const found = await isFound(module, pid, look)
    if (found === undefined) return [hanging(engine, module)]
    if (found) return isOfOurs ? [sameMounts(engine)] : spread(engine, pid, look)
  }
  const [first] = modules
  return [isOfOurs && first !== undefined ? withoutSpec(engine, first) : notOurs(engine, pid)]
}

function unseen(engine: string, { kind }: Habitat): Finding {
  const remedy = kind === 'machine' ? 'sudo remora doctor' : 'docker run --privileged …'
  return { verdict: 'warn', seen: `${engine} cannot be looked at`, remedy }
}

function sameMounts(engine: string): Finding {
  return { verdict: 'pass', seen: `${engine} sees the same mounts` }
}

/** Of an engine elsewhere nobody knows whether it is meant to find us. */
function notOurs(engine: string, pid: number): Finding {
  if (isOfSnap(pid)) return inSnap(engine)
  return { verdict: 'pass', seen: `${engine} does not find our sockets, and is left out` }
}

function spread(engine: string, pid: number, { here, mountFolders }: Look): readonly Finding[] {
  const there = mountsOf(mountInfoOf(pid))
  return mountFolders.map((folder) => propagation(engine, folder, { here, there }))
}

function propagation(
  engine: string,
  folder: string,
  {
    here,
    there,
  }: { readonly here: readonly SeenMountpoint[]; readonly there: readonly SeenMountpoint[] },
): Finding {
  const own = mountAbove(folder, here)
  const other = mountAbove(folder, there)
  const seen = `${engine} has a mount namespace of its own`
  if (own?.shared === undefined)
    return {
      verdict: 'fail',
      seen: `${seen}, and ${own?.mountPoint ?? '/'}, in which ${folder} lies, is not shared: containers get empty folders in place of volumes`,
      remedy: `mount --make-rshared ${shellWord(own?.mountPoint ?? '/')}\nin a container: --volume ${shellWord(`${folder}:${folder}:rshared`)}`,
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
function deviceFindings(here: readonly SeenMountpoint[]): readonly Finding[] {
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

import { mountsOf } from './machine/mounts.ts'
import { mountInfoOf } from './machine/processes.ts'

/** Where a process runs, which decides by which command a person reaches it; `id` is the engine's, of 64 hexadecimal digits. */
export type Habitat =
  | { readonly kind: 'machine' }
  | { readonly kind: 'container' | 'plugin'; readonly id: string }

/** So much of an id is shown, and is enough for every command of Docker's. */
const SHORT = 12
/** An engine makes these files for each container, in a folder with its id; marks such as /.dockerenv stay in exported images. */
const GIVEN_FILES = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf']
const CONTAINER = /containers\/(?<id>[0-9a-f]{64})\//
const PLUGIN = /\/plugins\/(?<id>[0-9a-f]{64})\/rootfs$/

/** Where the process runs that this is the `/proc/<pid>/mountinfo` of, as Docker and Podman set it up. */
export function habitatOf(mountInfo: string): Habitat {
  const mounts = mountsOf(mountInfo)
  const root = mounts.findLast(({ mountPoint }) => mountPoint === '/')?.root ?? ''
  const plugin = PLUGIN.exec(root)?.groups?.['id']
  if (plugin !== undefined) return { kind: 'plugin', id: plugin }
  const given = mounts.filter(({ mountPoint }) => GIVEN_FILES.includes(mountPoint))
  const ids = given.map((mount) => CONTAINER.exec(mount.root)?.groups?.['id'])
  const id = ids.find((one) => one !== undefined)
  return id === undefined ? { kind: 'machine' } : { kind: 'container', id }
}

/** Where a process of this machine runs, as far as it may be seen; asks nothing that can hang. */
export function readHabitat(pid: number | 'self' = 'self'): Habitat {
  return habitatOf(mountInfoOf(pid))
}

/** The beginning of an id, as Docker shows it. */
export function shortId(id: string): string {
  return id.slice(0, SHORT)
}

/** Whether two processes run in the same place. */
export function isSameHabitat(one: Habitat, other: Habitat): boolean {
  const [ours, theirs] = [one, other].map((each) => ('id' in each ? each.id : ''))
  return one.kind === other.kind && ours === theirs
}

/** One mount, as far as where it comes from and how it spreads is concerned; proc_pid_mountinfo(5), mount_namespaces(7). */
export interface SeenMountpoint {
  /** What of its file system is mounted, as a path in that. */
  readonly root: string
  readonly mountPoint: string
  readonly fsType: string
  /** Its peer group, while it is shared. */
  readonly shared: string | undefined
  /** The peer group that it receives from. */
  readonly receivesFrom: string | undefined
}

/** The mounts that a text like `/proc/self/mountinfo` lists, in its order. */
export function mountsOf(text: string): readonly SeenMountpoint[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ')
    const separator = fields.indexOf('-', 6)
    const [, , , root, mountPoint] = fields
    if (separator < 0 || root === undefined || mountPoint === undefined) return []
    const optional = fields.slice(6, separator)
    const tagged = (tag: string) =>
      optional.find((field) => field.startsWith(`${tag}:`))?.slice(tag.length + 1)
    const fsType = fields[separator + 1] ?? ''
    return [{ root, mountPoint, fsType, shared: tagged('shared'), receivesFrom: tagged('master') }]
  })
}

/** The mount in which a path lies: the last of the longest that lead to it. */
export function mountAbove(
  place: string,
  mounts: readonly SeenMountpoint[],
): SeenMountpoint | undefined {
  const above = mounts.filter(
    ({ mountPoint }) => place === mountPoint || place.startsWith(mountPoint.replace(/\/?$/, '/')),
  )
  const longest = Math.max(...above.map(({ mountPoint }) => mountPoint.length))
  return above.findLast(({ mountPoint }) => mountPoint.length === longest)
}

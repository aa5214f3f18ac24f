interface MountLine {
  readonly line: string
  readonly id: string
  readonly parent: string
  /** As the kernel writes it: whatever is escaped in it, its slashes are not. */
  readonly mountPoint: string
}

/**
 * The lines of mountinfo (proc(5)) whose mounts a path leads to. The kernel goes on to list a mount at a folder over which
 * somebody mounted something later, though whoever goes by that path finds what was mounted later. One that another covers
 * at its very mount point is kept: order tells which is the topmost there.
 */
export function reachableLines(text: string): string[] {
  const mounts = text.split('\n').map(mountLine)
  const byId = new Map(mounts.map((mount) => [mount.id, mount]))
  const places = new Set(mounts.map(({ parent, mountPoint }) => placeIn(parent, mountPoint)))
  const judged = new Map<string, boolean>()
  const isCovered = (mount: MountLine): boolean => {
    const known = judged.get(mount.id)
    if (known !== undefined) return known
    judged.set(mount.id, false)
    const beneath = byId.get(mount.parent)
    const covered =
      beneath !== undefined &&
      (foldersBetween(beneath, mount).some((folder) => places.has(placeIn(beneath.id, folder))) ||
        isCovered(beneath))
    judged.set(mount.id, covered)
    return covered
  }
  return mounts.filter((mount) => !isCovered(mount)).map(({ line }) => line)
}

/**
 * The folders on the way from where a mount begins to what is mounted in it. Of `/` nothing can be told: the root of a
 * process stays what it was when something is mounted over it.
 */
function foldersBetween(beneath: MountLine, { mountPoint }: MountLine): string[] {
  const folders: string[] = []
  for (let end = mountPoint.lastIndexOf('/'); end > 0; end = mountPoint.lastIndexOf('/', end - 1)) {
    if (end < beneath.mountPoint.length) break
    folders.push(mountPoint.slice(0, end))
  }
  return folders
}

function mountLine(line: string): MountLine {
  const [id = '', parent = '', , , mountPoint = ''] = line.split(' ', 5)
  return { line, id, parent, mountPoint }
}

function placeIn(mountId: string, folder: string): string {
  return `${mountId} ${folder}`
}

import { readFileSync } from 'node:fs'
import { unescapeOctal } from './mountinfo.ts'

/** Says a sentence in the words of somebody on the machine: paths of a container become those of the machine. */
export type Wording = (sentence: string) => string

/** The wording for whoever sees what this process sees. */
export const asItIs: Wording = (sentence) => sentence

/** A line of mountinfo, as far as it tells which folder is mounted where. */
interface MountedFolder {
  readonly deviceNumber: string
  /** The folder within the file system. */
  readonly root: string
  readonly mountPoint: string
}

/**
 * The wording for a process in a container, by its own mountinfo and that of a process outside (proc(5)), of the folders
 * that the container was given at `points`. A folder that the outside does not have is called as it is inside.
 */
export function outsideWording(
  inside: string,
  outside: string,
  points: readonly string[],
): Wording {
  const given = foldersIn(inside).filter(({ mountPoint }) => points.includes(mountPoint))
  const theirs = foldersIn(outside)
  const names = new Map<string, string>()
  for (const folder of given) {
    const name = nameAmong(theirs, folder)
    if (name !== undefined) names.set(folder.mountPoint, name)
  }
  if (names.size === 0) return asItIs
  const path = new RegExp(
    `(?<![\\w.\\-/])(?:${[...names.keys()].map(literal).join('|')})(?![\\w.\\-])`,
    'g',
  )
  return (sentence) => sentence.replaceAll(path, (found) => names.get(found) ?? found)
}

/** The wording of this process, whose parent runs outside; sentences stay as they are where that cannot be seen. */
export function readOutsideWording(parentPid: number, points: readonly string[]): Wording {
  try {
    const read = (pid: number | 'self') => readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    return outsideWording(read('self'), read(parentPid), points)
  } catch {
    return asItIs
  }
}

function foldersIn(mountinfo: string): MountedFolder[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [, , deviceNumber, root, mountPoint] = line.split(' ')
    if (deviceNumber === undefined || root === undefined || mountPoint === undefined) return []
    return [{ deviceNumber, root: unescapeOctal(root), mountPoint: unescapeOctal(mountPoint) }]
  })
}

/** The mount that shows the least around the folder is the one that was made for it. */
function nameAmong(theirs: readonly MountedFolder[], folder: MountedFolder): string | undefined {
  const around = theirs.filter(
    ({ deviceNumber, root }) =>
      deviceNumber === folder.deviceNumber && `${folder.root}/`.startsWith(withSlash(root)),
  )
  const [nearest] = around.sort((a, b) => b.root.length - a.root.length)
  if (nearest === undefined) return undefined
  const rest = folder.root.slice(withSlash(nearest.root).length)
  return rest === '' ? nearest.mountPoint : `${withSlash(nearest.mountPoint)}${rest}`
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

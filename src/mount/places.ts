import path from 'node:path'
import { directoryName } from './volume-name.ts'

/** Where one volume is found on this machine while it is in use. All absolute. */
export interface Place {
  /** The root of the volume's file system. */
  readonly mountPoint: string
  /** What containers get. */
  readonly dataPath: string
}

/** Where a service's volumes are found. */
export interface Places {
  of(volumeName: string): Place
  /** The place with this mount point, which may be one of an earlier configuration. */
  at(mountPoint: string): Place
  /** Whether a mount point lies where this or an older version makes them. */
  covers(mountPoint: string): boolean
}

/**
 * `folder` is the service's own; `reserved` are the names in it that belong to others (the folders of other services);
 * `rootPath` is the folder inside each file system that containers get; `olderFolders` is where older versions mounted.
 */
export function createPlaces(
  folder: string,
  rootPath: string,
  reserved: ReadonlySet<string>,
  olderFolders: readonly string[] = [],
): Places {
  const folders = [folder, ...olderFolders]
  const at = (mountPoint: string): Place => ({
    mountPoint,
    // A root path with ".." in it would lead out of the volume.
    dataPath: path.join(mountPoint, path.join('/', rootPath)).replace(/(?<=.)\/$/, ''),
  })
  return {
    covers: (mountPoint) => folders.some((one) => mountPoint.startsWith(path.join(one, '/'))),
    of: (volumeName) => at(path.join(folder, directoryName(volumeName, reserved))),
    at,
  }
}

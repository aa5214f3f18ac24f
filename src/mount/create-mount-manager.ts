import { existsSync, realpathSync } from 'node:fs'
import path from 'node:path'
import type { Logger } from '../libstorage/logger.ts'
import { makeFolderNow } from '../libstorage/make-folder.ts'
import { thisMachine } from '../libstorage/process-identity.ts'
import type { Run, RunBehindGate } from '../libstorage/run.ts'
import type { Service } from '../libstorage/service.ts'
import { BlockPublisher } from './block-publisher.ts'
import { createDirectoryPublisher } from './directory-publisher.ts'
import type { EventSink } from './events.ts'
import { FileLedger } from './ledger.ts'
import { thawing } from './left-frozen.ts'
import { createLinuxMounter } from './linux/linux-mounter.ts'
import { sweepLinks } from './linux/mount-points.ts'
import { ProcessLocks } from './locks.ts'
import { MadeNamesFolder } from './made-names.ts'
import type { MountContext, ProcessRole } from './mount-context.ts'
import { MountManager } from './mount-manager.ts'
import { createPlaces, type Places } from './places.ts'
import { RemovedNamesFolder } from './removed-names.ts'
import type { MountSettings } from './settings.ts'
import { VolumeSessions } from './volume-session.ts'

/** What a mount manager on this machine is made from. */
export interface MountManagerParts {
  readonly service: Service
  readonly settings: MountSettings
  readonly role: ProcessRole
  /** The folder of this service's mount points; absolute. */
  readonly mountFolder: string
  /** The names in that folder that belong to others: the folders of other services. */
  readonly reservedNames: ReadonlySet<string>
  /** State that survives a reboot. */
  readonly libDirectory: string
  /** State of this boot. */
  readonly runDirectory: string
  readonly run: Run
  readonly runBehindGate: RunBehindGate
  readonly logger: Logger
  readonly events: EventSink
}

/** Puts a mount manager together over the real kernel. The ledger lies in `<lib>/ledger/<service>`. */
export function createMountManager(parts: MountManagerParts): MountManager {
  const { service, settings, role, logger, events } = parts
  const ledgers = path.join(parts.libDirectory, 'ledger')
  const ledger = new FileLedger(path.join(ledgers, service.name), logger, service.name)
  const mounter = createLinuxMounter(
    parts.run,
    parts.runBehindGate,
    path.join(parts.runDirectory, 'scratch'),
    logger,
  )
  const locks = new ProcessLocks(path.join(parts.runDirectory, 'locks'), logger)
  const publisher =
    service.storage === 'block'
      ? new BlockPublisher(mounter, settings, service.name, events)
      : createDirectoryPublisher(mounter, settings, service.name, events)
  const removed = new RemovedNamesFolder(path.join(ledgers, `${service.name}.removed`))
  const mountFolder = canonicalFolder(parts.mountFolder)
  if (service.storage === 'directory') sweepLinks(mountFolder, logger)
  const places = placesIn(mountFolder, parts)
  const context: MountContext = {
    service,
    publisher,
    mounter,
    places,
    settings,
    ledger,
    made: service.catalog.lags
      ? new MadeNamesFolder(path.join(ledgers, `${service.name}.made`))
      : undefined,
    sessions: new VolumeSessions(
      service.name,
      ledger,
      locks,
      thisMachine,
      thawing(mounter, places),
    ),
    machine: thisMachine,
    logger,
    events,
    role,
  }
  return new MountManager(context, removed)
}

/** Where the service's volumes are found, by its own names and by those of older versions. */
function placesIn(mountFolder: string, parts: MountManagerParts): Places {
  const { settings, reservedNames, libDirectory } = parts
  const older = olderFolders(libDirectory)
  return createPlaces(mountFolder, settings.mount.rootPath, reservedNames, older)
}

/**
 * Where REX-Ray's versions mounted (0.3 and 0.10, 0.11's bridge, 0.4 to 0.9), with links resolved where they exist; with a
 * home of its own 0.3 had one folder more.
 */
export function olderFolders(libDirectory: string): readonly string[] {
  const states = [...new Set([libDirectory, path.join(libDirectory, 'rexray'), '/var/lib/rexray'])]
  const folders = states.flatMap((lib) => [
    path.join(lib, 'volumes'),
    path.join(lib, 'docker', 'volumes'),
  ])
  return [...folders, '/var/lib/libstorage/volumes'].map((folder) =>
    existsSync(folder) ? realpathSync(folder) : folder,
  )
}

/** The folder, made if it is missing, as the kernel will name it: mountinfo knows no links. */
function canonicalFolder(folder: string): string {
  makeFolderNow(folder)
  return realpathSync(folder)
}

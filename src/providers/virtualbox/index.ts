import path from 'node:path'
import { silentLogger } from '../../libstorage/logger.ts'
import { identifySelf, type ProcessIdentity } from '../../libstorage/process-identity.ts'
import type { Provider } from '../../libstorage/storage-driver.ts'
import { timeLimit, untilAborted } from '../../libstorage/wait.ts'
import type { ProviderContext } from '../definition.ts'
import { VirtualboxClient } from './client.ts'
import type { VirtualboxSettings } from './config.ts'
import { VirtualboxDriver } from './driver.ts'
import { VirtualboxExecutor } from './executor.ts'
import { GuestDisks } from './guest-disks.ts'
import { HeldLocks } from './held-locks.ts'
import { LocalDisks } from './local-disks.ts'
import { LocalMachine } from './local-machine.ts'
import { Machines } from './machines.ts'
import { Makers } from './makers.ts'
import { Media, UUID } from './media.ts'
import { Tidier } from './tidier.ts'
import { WebService } from './web-service.ts'

/** Where the kernel shows its devices, and how patient calls are: other ones only where there is no VirtualBox. */
export interface VirtualboxMachine {
  readonly sysfs: string
  readonly dev: string
  /** What all pauses are multiplied by. */
  readonly pace: number
  /** How long one answer of the web service may take, in milliseconds. */
  readonly timeoutMs: number
  /** Whose the locks on machines are; this process's unless given. */
  readonly owner?: ProcessIdentity
}

/** Saving a machine's settings may wait for a disk. */
const GUEST: VirtualboxMachine = { sysfs: '/sys', dev: '/dev', pace: 1, timeoutMs: 30_000 }

/** How long the end of the web session may take at a close, in milliseconds: it ends by itself later. */
const CLOSE_MS = 1_500

/** Serves volumes of a VirtualBox host. Asks nobody yet: a host that does not answer holds up no start. */
export async function createVirtualboxProvider(
  settings: VirtualboxSettings,
  context: ProviderContext,
  { sysfs, dev, pace, timeoutMs, owner = identifySelf() }: VirtualboxMachine = GUEST,
): Promise<Provider> {
  const { endpoint, tls, caFile, tlsInsecure, controllerName, volumePath } = settings
  const { diskIDPath, scsiHostPath } = settings
  const state = path.join(context.libDirectory, 'virtualbox')
  const service = new WebService({ endpoint, tls, caFile, tlsInsecure, timeoutMs })
  const { looksOnly = false, logger = silentLogger, run } = context
  const warn = (message: string) => logger.warn(message)
  const locks = new HeldLocks(path.join(state, 'locks'), owner, warn)
  const machines = new Machines({ locks, host: new URL(service.endpoint).host, pace, warn })
  const credentials = { userName: settings.userName ?? '', password: settings.password ?? '' }
  const client = new VirtualboxClient(service, credentials, {
    begin: async (session) => {
      if (!looksOnly) await machines.mend(session)
    },
    mayEnd: (session) => machines.hasLetGo(session),
  })
  const local = new LocalMachine({ configured: settings.localMachineNameOrId, sysfs })
  const ownNodes = path.join(state, 'devices')
  const roots = { sysfs, dev, diskIDPath, scsiHostPath, ownNodes, looksOnly }
  const disks = new LocalDisks({ disks: new GuestDisks(roots, run, warn), local, run, pace })
  const makers = new Makers({ local, process: owner })
  const media = new Media(volumePath, new Tidier({ makers, logger, pace, looksOnly }))
  const folder = volumePath
  return {
    driver: new VirtualboxDriver({
      ...{ client, media, machines, makers, disks, controllerName, pace, folder },
      warn,
    }),
    executor: new VirtualboxExecutor({ client, local, disks }),
    storage: 'block',
    scope: 'global',
    consistency: 'strong',
    looksLikeId: (text) => UUID.test(text),
    wishes: new Set(['type', 'source']),
    close: () => untilAborted(client.end(), timeLimit(CLOSE_MS)).catch(() => {}),
  }
}

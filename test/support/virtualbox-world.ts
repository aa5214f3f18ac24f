import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { identifySelf } from '../../src/libstorage/process-identity.ts'
import { run as runTool } from '../../src/libstorage/run.ts'
import type { Provider } from '../../src/libstorage/storage-driver.ts'
import { virtualboxSettings } from '../../src/providers/virtualbox/config.ts'
import { createVirtualboxProvider } from '../../src/providers/virtualbox/index.ts'
import { type DiskSource, SimGuestTree } from './virtualbox/guest.ts'
import { SimHost } from './virtualbox/host.ts'
import type { SimMachine, SimMedium } from './virtualbox/model.ts'
import { type Entrance, type ServiceOptions, SimWebService } from './virtualbox/web-service.ts'

/** The folder for volumes on the simulated host. */
export const VOLUMES = '/home/me/volumes'

interface WorldOptions extends ServiceOptions {
  readonly running?: boolean
  readonly portCount?: number
  readonly disks?: DiskSource
  /** Told of what is warned of. */
  readonly warn?: (message: string) => void
}

/** A machine of the host, as it is from outside and from inside. */
export interface SimPlace {
  readonly machine: SimMachine
  readonly guest: SimGuestTree
  readonly libDirectory: string
}

/** A simulated host with two machines, and the provider as each of them has it. */
export class VirtualboxWorld {
  readonly host = new SimHost()
  readonly service: SimWebService
  readonly folder = mkdtempSync(path.join(tmpdir(), 'remora-virtualbox-'))
  readonly here: SimPlace
  readonly there: SimPlace
  readonly #options: WorldOptions

  constructor(options: WorldOptions = {}) {
    this.#options = options
    this.service = new SimWebService(this.host, options)
    this.here = this.place('here')
    this.there = this.place('there')
  }

  /** Adds a machine. */
  place(name: string): SimPlace {
    const { running = true, portCount = 30, disks } = this.#options
    const machine = this.host.addMachine(name, { running, portCount })
    const guest = new SimGuestTree(path.join(this.folder, name), disks)
    guest.writeFirmware(machine.hardwareUuid)
    machine.guest = guest
    return { machine, guest, libDirectory: path.join(this.folder, name, 'lib') }
  }

  /**
   * The provider of a process on a machine, with the way by which it asks; each call is another process. One that is dying
   * counts as dead for those that come after it.
   */
  async process(
    place: SimPlace = this.here,
    settings: Readonly<Record<string, unknown>> = {},
    { timeoutMs = 5_000, isDying = false, looksOnly = false, run = runTool } = {},
  ): Promise<{ readonly provider: Provider; readonly entrance: Entrance }> {
    const entrance = await this.service.open()
    const { guest, libDirectory } = place
    const { diskIDPath, scsiHostPath, sysfs, dev } = guest
    const given = virtualboxSettings.parse({
      endpoint: entrance.endpoint,
      volumePath: VOLUMES,
      diskIDPath,
      scsiHostPath,
      ...settings,
    })
    const logger = { info: () => {}, warn: this.#options.warn ?? (() => {}) }
    const context = { service: 'virtualbox', libDirectory, run, logger, looksOnly }
    const owner = isDying ? { ...identifySelf(), startTime: '0' } : identifySelf()
    const machine = { sysfs, dev, pace: 0.01, timeoutMs, owner }
    return { provider: await createVirtualboxProvider(given, context, machine), entrance }
  }

  async provider(
    place?: SimPlace,
    settings?: Readonly<Record<string, unknown>>,
  ): Promise<Provider> {
    return (await this.process(place, settings)).provider
  }

  /** The disk of a volume. */
  medium(id: string): SimMedium {
    return this.host.disks.openMedium(id)
  }

  async close(): Promise<void> {
    await this.service.close()
    for (const { guest } of [this.here, this.there]) guest.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { identifySelf } from '../../../src/libstorage/process-identity.ts'
import { run } from '../../../src/libstorage/run.ts'
import type { Provider, StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import {
  type VirtualboxSettings,
  virtualboxSettings,
} from '../../../src/providers/virtualbox/config.ts'
import { createVirtualboxProvider } from '../../../src/providers/virtualbox/index.ts'
import type { Argument } from '../../../src/providers/virtualbox/operations.ts'
import { readAnswer, request } from '../../../src/providers/virtualbox/soap.ts'
import { SimGuestTree } from './guest.ts'
import { SimMedium } from './model.ts'

/** A machine that is off, with the guest that it would be if it could be started. */
interface Place {
  readonly id: string
  readonly guest: SimGuestTree
  readonly libDirectory: string
  /** The disks that the guest shows. */
  readonly shown: Map<string, SimMedium>
}

/** Two machines on a real web service, which are off and may be attached to all the same. */
export class RealWorld {
  readonly here: Place
  readonly there: Place
  readonly #endpoint: string
  readonly #folder: string
  #root: string

  private constructor(
    endpoint: string,
    folder: string,
    root: string,
    [here, there]: readonly [Place, Place],
  ) {
    this.#endpoint = endpoint
    this.#folder = folder
    this.#root = root
    this.here = here
    this.there = there
  }

  static async open(endpoint: string): Promise<RealWorld> {
    const folder = mkdtempSync(path.join(tmpdir(), 'remora-real-'))
    const root = await askAt(endpoint, 'IWebsessionManager_logon', { username: '', password: '' })
    const places = [
      await makePlace(endpoint, root, path.join(folder, 'here')),
      await makePlace(endpoint, root, path.join(folder, 'there')),
    ] as const
    return new RealWorld(endpoint, folder, root, places)
  }

  /** The folder on the host. */
  get volumePath(): string {
    return `/root/volumes/${path.basename(this.#folder)}`
  }

  /** Asks for an operation in the world's own web session, and resolves with the first value of its answer. */
  ask(operation: string, args: Readonly<Record<string, Argument>>): Promise<string> {
    return askAt(this.#endpoint, operation, args)
  }

  /** The reference to the root of all objects. */
  get root(): string {
    return this.#root
  }

  /** The reference to a disk by its id or file, which is made known where it is not. */
  disk(location: string): Promise<string> {
    const asked = { location, deviceType: 'HardDisk', accessMode: 'ReadWrite', forceNewUuid: false }
    return this.ask('IVirtualBox_openMedium', { _this: this.#root, ...asked })
  }

  /** Begins a web session of the world's own again, after the service was away. */
  async renew(): Promise<void> {
    this.#root = await this.ask('IWebsessionManager_logon', { username: '', password: '' })
  }

  /** The settings of a process on a machine, which asks by this way. */
  settings({ guest }: Place = this.here, endpoint = this.#endpoint): VirtualboxSettings {
    const { diskIDPath, scsiHostPath } = guest
    const { volumePath } = this
    return virtualboxSettings.parse({ endpoint, volumePath, diskIDPath, scsiHostPath })
  }

  /** The provider of a process on a machine, whose guest shows what is attached. */
  async provider(place: Place = this.here, endpoint = this.#endpoint): Promise<Provider> {
    const { guest, libDirectory } = place
    const { sysfs, dev } = guest
    const made = await createVirtualboxProvider(
      this.settings(place, endpoint),
      { service: 'virtualbox', libDirectory, run },
      { sysfs, dev, pace: 0.2, timeoutMs: 30_000 },
    )
    return { ...made, driver: this.#showing(made.driver) }
  }

  /** Leaves what a process of the first machine leaves that dies while it copies. */
  async leaveUnfinished(name: string): Promise<void> {
    const location = `${this.volumePath}/${name}.vdi`
    const asked = { format: 'VDI', location, accessMode: 'ReadWrite', aDeviceTypeType: 'HardDisk' }
    const _this = await this.ask('IVirtualBox_createMedium', { _this: this.#root, ...asked })
    const process = { ...identifySelf(), startTime: '0' }
    const unfinished = { guest: this.here.id, process, service: 'of old', work: 'a copy' }
    const description = `remora ${JSON.stringify({ kind: 'volume', name, unfinished })}`
    await this.ask('IMedium_setDescription', { _this, description })
    const size = { _this, logicalSize: 2 ** 30, variant: ['Standard'] }
    const progress = await this.ask('IMedium_createBaseStorage', size)
    await this.ask('IProgress_waitForCompletion', { _this: progress, timeout: 10_000 })
  }

  /** What the service holds on to stays with it. */
  async close(): Promise<void> {
    try {
      await this.#remove()
    } finally {
      for (const { guest } of [this.here, this.there]) guest.close()
      rmSync(this.#folder, { recursive: true, force: true })
    }
  }

  async #remove(): Promise<void> {
    const { driver } = await this.provider()
    for (const { id, attachments } of await driver.volumes()) {
      for (const { instanceId } of attachments) await driver.detachVolume(id, instanceId)
      await driver.removeVolume(id)
    }
    for (const { id } of (await driver.snapshots?.list()) ?? []) await driver.snapshots?.remove(id)
    for (const { id } of [this.here, this.there]) {
      const machine = {
        _this: await this.ask('IVirtualBox_findMachine', { _this: this.#root, nameOrId: id }),
      }
      await this.ask('IMachine_unregister', { ...machine, cleanupMode: 'DetachAllReturnNone' })
      const progress = await this.ask('IMachine_deleteConfig', { ...machine, media: [] })
      await this.ask('IProgress_waitForCompletion', { _this: progress, timeout: 10_000 })
    }
    await this.ask('IWebsessionManager_logoff', { refIVirtualBox: this.#root })
  }

  /** With the disks of machines that are off shown as if they ran. */
  #showing(driver: StorageDriver): StorageDriver {
    const { modifyVolume, snapshots, instances } = driver
    const placeOf = (id: string) => [this.here, this.there].find((place) => place.id === id)
    return {
      name: driver.name,
      volumes: driver.volumes.bind(driver),
      volume: driver.volume.bind(driver),
      createVolume: driver.createVolume.bind(driver),
      removeVolume: driver.removeVolume.bind(driver),
      attachVolume: async (...args) => {
        const attachment = await driver.attachVolume(...args)
        show(placeOf(attachment.instanceId), attachment.volumeId)
        return attachment
      },
      detachVolume: async (...args) => {
        await driver.detachVolume(...args)
        hide(placeOf(args[1]), args[0])
      },
      ...(modifyVolume && { modifyVolume: modifyVolume.bind(driver) }),
      ...(snapshots && { snapshots }),
      ...(instances && { instances }),
    }
  }
}

function show(place: Place | undefined, volumeId: string): void {
  if (place === undefined || place.shown.has(volumeId)) return
  const medium = new SimMedium('', 'VDI')
  medium.create(2 ** 30)
  medium.id = volumeId
  place.shown.set(volumeId, medium)
  place.guest.appear(medium)
}

function hide(place: Place | undefined, volumeId: string): void {
  const medium = place?.shown.get(volumeId)
  if (medium === undefined) return
  place?.shown.delete(volumeId)
  place?.guest.vanish(medium)
}

async function makePlace(endpoint: string, root: string, folder: string): Promise<Place> {
  const _this = await askAt(endpoint, 'IVirtualBox_createMachine', {
    ...{
      _this: root,
      settingsFile: '',
      name: folder.replaceAll('/', '-'),
      platform: 'x86',
      groups: [],
    },
    ...{ osTypeId: 'Linux_64', flags: '', cipher: '', passwordId: '', password: '' },
  })
  const added = { _this, name: 'SATA', connectionType: 'SATA' }
  const controller = await askAt(endpoint, 'IMachine_addStorageController', added)
  await askAt(endpoint, 'IStorageController_setPortCount', { _this: controller, portCount: 30 })
  await askAt(endpoint, 'IMachine_saveSettings', { _this })
  await askAt(endpoint, 'IVirtualBox_registerMachine', { _this: root, machine: _this })
  const id = await askAt(endpoint, 'IMachine_getId', { _this })
  const guest = new SimGuestTree(folder)
  guest.writeFirmware(id)
  return { id, guest, libDirectory: path.join(folder, 'lib'), shown: new Map() }
}

/** Asks a web service for an operation, and resolves with the first value of its answer. */
export async function askAt(
  endpoint: string,
  operation: string,
  args: Readonly<Record<string, Argument>>,
): Promise<string> {
  const headers = { connection: 'close' }
  const answer = await fetch(endpoint, { method: 'POST', body: request(operation, args), headers })
  return String(readAnswer(operation, await answer.text()).values[0] ?? '')
}

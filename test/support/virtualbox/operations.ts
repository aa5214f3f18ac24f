import type { SimExplorer } from './folders.ts'
import type { SimHost } from './host.ts'
import {
  ApiError,
  SimLock,
  SimMachine,
  SimMedium,
  SimProgress,
  SimSessionMachine,
  type SimSlot,
} from './model.ts'

/** What an argument is once references are looked up: an object, or a text. */
export type Given = Readonly<Record<string, unknown>>
/** What an operation comes to: a value, several, or an object that gets a reference. */
export type Answer = unknown

type Operation = (host: SimHost, given: Given) => Answer

const INVALID_ARGUMENT = 0x80070057
const NOT_FOUND = 0x80bb0001
const NO_STRING = { kind: 'IConsole' }

/** What the web service can be asked for, besides sessions and references. */
export const operations: Readonly<Record<string, Operation>> = {
  IVirtualBox_getMachines: (host) => [...host.machines],
  IVirtualBox_getHardDisks: (host) => host.disks.all.filter((one) => one.base === one),
  IVirtualBox_findMachine: (host, { nameOrId }) => host.findMachine(String(nameOrId)),
  IVirtualBox_openMedium: (host, { location }) => host.disks.openMedium(String(location)),
  IVirtualBox_createMedium: (host, { format, location }) =>
    host.disks.createMedium(String(format), String(location)),
  IVirtualBox_getHost: () => ({ kind: 'IHost' }),
  IVirtualBox_createAppliance: () => ({ kind: 'IAppliance' }),
  IHost_getOperatingSystem: (host) => host.folders.system,
  IAppliance_createVFSExplorer: (_, { URI }) =>
    ({ kind: 'IVFSExplorer', folder: String(URI).replace(/^file:\/\//, '') }) satisfies SimExplorer,
  IVFSExplorer_update: (host, { _this }) => host.folders.read((_this as SimExplorer).folder),
  IVFSExplorer_exists: (host, { _this, names }) =>
    host.folders.existing((_this as SimExplorer).folder, [names].flat().map(String)),
  IMedium_getId: (_, { _this }) => medium(_this).id,
  IMedium_getLocation: (_, { _this }) => medium(_this).location,
  IMedium_getFormat: (_, { _this }) => medium(_this).format,
  IMedium_getLogicalSize: (_, { _this }) => medium(_this).sizeBytes,
  IMedium_getMachineIds: (_, { _this }) => [...medium(_this).machineIds],
  IMedium_getDescription: (_, { _this }) => medium(_this).description,
  IMedium_getType: (_, { _this }) => medium(_this).type,
  IMedium_getChildren: (host, { _this }) => host.childrenOf(medium(_this)),
  IMedium_getBase: (_, { _this }) => medium(_this).base,
  IMedium_getLastAccessError: (_, { _this }) =>
    medium(_this).state === 'Inaccessible'
      ? 'Could not open the medium (VERR_FILE_NOT_FOUND).'
      : '',
  IMedium_refreshState: (_, { _this }) => medium(_this).state,
  IMedium_setDescription: (_, { _this, description }) => {
    requireFree(medium(_this))
    medium(_this).description = String(description)
  },
  IMedium_getProperties: (_, { _this }) => medium(_this).properties,
  IMedium_setProperty: (host, { _this, name, value }) => {
    requireFree(medium(_this))
    if (!String(name).startsWith('Special/')) host.died = 'a property was set that is not Special/'
    if (value === '') medium(_this).properties.delete(String(name))
    else medium(_this).properties.set(String(name), String(value))
  },
  IMedium_setType: (_, { _this, type }) => {
    if (medium(_this).state !== 'Created')
      throw new ApiError(0x80bb0007, 'Storage for the medium is not created')
    if (medium(_this).isInSnapshot)
      throw new ApiError(0x80bb000c, 'The medium is attached to a snapshot')
    medium(_this).type = String(type)
  },
  IMedium_createBaseStorage: (host, { _this, logicalSize }) =>
    host.disks.createStorage(medium(_this), Number(logicalSize)),
  IMedium_cloneToBase: (host, { _this, target }) => host.disks.clone(medium(_this), medium(target)),
  IMedium_resize: (host, { _this, logicalSize }) =>
    host.disks.resize(medium(_this), Number(logicalSize)),
  IMedium_deleteStorage: (host, { _this }) => host.disks.deleteStorage(medium(_this)),
  IMedium_close: (host, { _this }) => host.disks.close(medium(_this)),
  IMachine_getAccessible: (_, { _this }) => machine(_this).isAccessible,
  IMachine_getId: (_, { _this }) => readable(_this).id,
  IMachine_getName: (_, { _this }) => readable(_this).name,
  IMachine_getHardwareUUID: (_, { _this }) => readable(_this).hardwareUuid,
  IMachine_getState: (_, { _this }) => readable(_this).state,
  IMachine_getLastStateChange: (_, { _this }) => readable(_this).stateSince,
  IMachine_getNetworkAdapter: (_, { _this, slot }) => {
    const { adapters } = readable(_this)
    if (Number(slot) >= 8) throw new ApiError(INVALID_ARGUMENT, 'No such slot')
    return adapters[Number(slot)] ?? { kind: 'INetworkAdapter', mac: '', enabled: false }
  },
  INetworkAdapter_getEnabled: (_, { _this }) => (_this as { enabled: boolean }).enabled,
  INetworkAdapter_getMACAddress: (_, { _this }) => (_this as { mac: string }).mac,
  IMachine_getMediumAttachments: (_, { _this }) => slotsOf(_this),
  IMachine_getMediumAttachmentsOfController: (_, { _this, name }) =>
    slotsOf(_this).filter(({ controller }) => controller === name),
  IMachine_getStorageControllers: (_, { _this }) => [...machine(_this).controllers],
  IMachine_getStorageControllerByName: (_, { _this, name }) => {
    const found = machine(_this).controllers.find((one) => one.name === name)
    if (found === undefined)
      throw new ApiError(NOT_FOUND, `Could not find a storage controller named '${String(name)}'`)
    return found
  },
  IStorageController_getName: (_, { _this }) => (_this as { name: string }).name,
  IStorageController_getBus: (_, { _this }) => (_this as { bus: string }).bus,
  IStorageController_getPortCount: (_, { _this }) => (_this as { portCount: number }).portCount,
  IMachine_lockMachine: (host, { _this, session, lockType }) => {
    host.lock(machine(_this), lock(session), String(lockType))
  },
  IMachine_attachDevice: (host, { _this, name, controllerPort, device, medium: given }) => {
    const port = Number(controllerPort)
    const slot = {
      controller: String(name),
      port,
      device: Number(device),
      type: 'HardDisk' as const,
    }
    host.attach(place(_this), { ...slot, medium: given instanceof SimMedium ? given : undefined })
  },
  IMachine_detachDevice: (host, { _this, name, controllerPort }) => {
    host.detach(place(_this), String(name), Number(controllerPort))
  },
  IMachine_setHotPluggableForDevice: (host, { _this, name, controllerPort, hotPluggable }) => {
    host.setHotPluggable(
      place(_this),
      String(name),
      Number(controllerPort),
      hotPluggable === 'true',
    )
  },
  IMachine_saveSettings: (host, { _this }) => {
    host.save(place(_this))
  },
  ISession_getState: (_, { _this }) => (lock(_this).machine ? 'Locked' : 'Unlocked'),
  ISession_getMachine: (_, { _this }) => {
    const { machine: locked } = lock(_this)
    if (locked === undefined) throw new ApiError(0x8000ffff, 'The session is not locked')
    return new SimSessionMachine(locked, lock(_this))
  },
  ISession_getConsole: (_, { _this }) => ({ ...NO_STRING, lock: lock(_this) }),
  ISession_unlockMachine: (host, { _this }) => {
    host.unlock(lock(_this))
  },
  IConsole_powerDown: (host, { _this }) => host.powerDown((_this as { lock: SimLock }).lock),
  IProgress_waitForCompletion: () => undefined,
  IProgress_getCompleted: (_, { _this }) => progress(_this).isDone,
  IProgress_getResultCode: (_, { _this }) => (progress(_this).error?.code ?? 0) | 0,
  IProgress_getErrorInfo: (_, { _this }) => {
    const text = progress(_this).error?.message ?? ''
    return text === '' ? '' : { kind: 'IVirtualBoxErrorInfo', text }
  },
  IVirtualBoxErrorInfo_getText: (_, { _this }) => (_this as { text: string }).text,
}

function requireFree({ state, location }: SimMedium): void {
  if (state === 'LockedWrite' || state === 'LockedRead')
    throw new ApiError(0x80bb0007, `Failed to lock media '${location}'`)
}

function medium(value: unknown): SimMedium {
  if (!(value instanceof SimMedium)) throw new Error('not a medium')
  if (value.isClosed) throw new ApiError(0x80070005, 'The object is not ready')
  return value
}

function place(value: unknown): SimMachine | SimSessionMachine {
  if (value instanceof SimMachine || value instanceof SimSessionMachine) return value
  throw new Error('not a machine')
}

function machine(value: unknown): SimMachine {
  const found = place(value)
  return found instanceof SimMachine ? found : found.machine
}

function readable(value: unknown): SimMachine {
  const found = machine(value)
  if (!found.isAccessible) throw new ApiError(0x80070005, 'The object functionality is limited')
  return found
}

/** Through a lock its unsaved slots show too. */
function slotsOf(value: unknown): SimSlot[] {
  const found = place(value)
  if (found instanceof SimMachine) return readable(found).saved
  if (found.lock.machine !== found.machine)
    throw new ApiError(0x80070005, 'The object is not ready')
  return found.machine.slots
}

function lock(value: unknown): SimLock {
  if (!(value instanceof SimLock)) throw new Error('not a session')
  return value
}

function progress(value: unknown): SimProgress {
  if (!(value instanceof SimProgress)) throw new Error('not a progress')
  return value
}

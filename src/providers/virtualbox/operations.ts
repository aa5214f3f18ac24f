/** What an operation answers with. A reference is a text; an absent object is an empty one. */
type ResultKind = 'nothing' | 'text' | 'texts' | 'number' | 'boolean' | 'attachments' | 'properties'

interface Operation {
  /** The names of its arguments, in the order of the interface's definition. */
  readonly args: readonly string[]
  readonly result: ResultKind
}

/** Every operation that is asked of the web service; their shapes are the same from VirtualBox 5.0 to 7.2 (its `vboxweb.wsdl`). */
export const operations = {
  IWebsessionManager_logon: { args: ['username', 'password'], result: 'text' },
  IWebsessionManager_logoff: { args: ['refIVirtualBox'], result: 'nothing' },
  IWebsessionManager_getSessionObject: { args: ['refIVirtualBox'], result: 'text' },
  IManagedObjectRef_release: { args: ['_this'], result: 'nothing' },
  IManagedObjectRef_getInterfaceName: { args: ['_this'], result: 'text' },
  IVirtualBox_getAPIVersion: { args: ['_this'], result: 'text' },
  IVirtualBox_getVersion: { args: ['_this'], result: 'text' },
  IVirtualBox_getHost: { args: ['_this'], result: 'text' },
  IVirtualBox_getMachines: { args: ['_this'], result: 'texts' },
  IVirtualBox_findMachine: { args: ['_this', 'nameOrId'], result: 'text' },
  IVirtualBox_getHardDisks: { args: ['_this'], result: 'texts' },
  IVirtualBox_createMedium: {
    args: ['_this', 'format', 'location', 'accessMode', 'aDeviceTypeType'],
    result: 'text',
  },
  IVirtualBox_openMedium: {
    args: ['_this', 'location', 'deviceType', 'accessMode', 'forceNewUuid'],
    result: 'text',
  },
  IVirtualBox_createAppliance: { args: ['_this'], result: 'text' },
  IAppliance_createVFSExplorer: { args: ['_this', 'URI'], result: 'text' },
  IVFSExplorer_update: { args: ['_this'], result: 'text' },
  IVFSExplorer_exists: { args: ['_this', 'names'], result: 'texts' },
  IHost_getOperatingSystem: { args: ['_this'], result: 'text' },
  IMedium_getId: { args: ['_this'], result: 'text' },
  IMedium_getLocation: { args: ['_this'], result: 'text' },
  IMedium_getFormat: { args: ['_this'], result: 'text' },
  IMedium_getLogicalSize: { args: ['_this'], result: 'number' },
  IMedium_getMachineIds: { args: ['_this'], result: 'texts' },
  IMedium_getDescription: { args: ['_this'], result: 'text' },
  IMedium_setDescription: { args: ['_this', 'description'], result: 'nothing' },
  IMedium_getProperties: { args: ['_this', 'names'], result: 'properties' },
  IMedium_setProperty: { args: ['_this', 'name', 'value'], result: 'nothing' },
  IMedium_getChildren: { args: ['_this'], result: 'texts' },
  IMedium_getBase: { args: ['_this'], result: 'text' },
  IMedium_getLastAccessError: { args: ['_this'], result: 'text' },
  IMedium_refreshState: { args: ['_this'], result: 'text' },
  IMedium_getType: { args: ['_this'], result: 'text' },
  IMedium_setType: { args: ['_this', 'type'], result: 'nothing' },
  IMedium_createBaseStorage: { args: ['_this', 'logicalSize', 'variant'], result: 'text' },
  IMedium_cloneToBase: { args: ['_this', 'target', 'variant'], result: 'text' },
  IMedium_resize: { args: ['_this', 'logicalSize'], result: 'text' },
  IMedium_deleteStorage: { args: ['_this'], result: 'text' },
  IMedium_close: { args: ['_this'], result: 'nothing' },
  IMachine_getAccessible: { args: ['_this'], result: 'boolean' },
  IMachine_getId: { args: ['_this'], result: 'text' },
  IMachine_getName: { args: ['_this'], result: 'text' },
  IMachine_getHardwareUUID: { args: ['_this'], result: 'text' },
  IMachine_getState: { args: ['_this'], result: 'text' },
  IMachine_getLastStateChange: { args: ['_this'], result: 'number' },
  IMachine_getNetworkAdapter: { args: ['_this', 'slot'], result: 'text' },
  IMachine_getMediumAttachments: { args: ['_this'], result: 'attachments' },
  IMachine_getMediumAttachmentsOfController: { args: ['_this', 'name'], result: 'attachments' },
  IMachine_getStorageControllers: { args: ['_this'], result: 'texts' },
  IMachine_getStorageControllerByName: { args: ['_this', 'name'], result: 'text' },
  IMachine_lockMachine: { args: ['_this', 'session', 'lockType'], result: 'nothing' },
  IMachine_attachDevice: {
    args: ['_this', 'name', 'controllerPort', 'device', 'type', 'medium'],
    result: 'nothing',
  },
  IMachine_detachDevice: {
    args: ['_this', 'name', 'controllerPort', 'device'],
    result: 'nothing',
  },
  IMachine_setHotPluggableForDevice: {
    args: ['_this', 'name', 'controllerPort', 'device', 'hotPluggable'],
    result: 'nothing',
  },
  IMachine_saveSettings: { args: ['_this'], result: 'nothing' },
  INetworkAdapter_getEnabled: { args: ['_this'], result: 'boolean' },
  INetworkAdapter_getMACAddress: { args: ['_this'], result: 'text' },
  IStorageController_getName: { args: ['_this'], result: 'text' },
  IStorageController_getBus: { args: ['_this'], result: 'text' },
  IStorageController_getPortCount: { args: ['_this'], result: 'number' },
  ISession_getState: { args: ['_this'], result: 'text' },
  ISession_getMachine: { args: ['_this'], result: 'text' },
  ISession_getConsole: { args: ['_this'], result: 'text' },
  ISession_unlockMachine: { args: ['_this'], result: 'nothing' },
  IConsole_powerDown: { args: ['_this'], result: 'text' },
  IProgress_waitForCompletion: { args: ['_this', 'timeout'], result: 'nothing' },
  IProgress_getCompleted: { args: ['_this'], result: 'boolean' },
  IProgress_getResultCode: { args: ['_this'], result: 'number' },
  IProgress_getErrorInfo: { args: ['_this'], result: 'text' },
  IVirtualBoxErrorInfo_getText: { args: ['_this'], result: 'text' },
} as const satisfies Readonly<Record<string, Operation>>

/** The name of an operation, as `IMedium_getId`. */
export type OperationName = keyof typeof operations

/** What an argument may be; an array is sent as one element for each. */
export type Argument = string | number | boolean | readonly string[]

/** The arguments of an operation by their names. */
export type ArgumentsOf<K extends OperationName> = Readonly<
  Record<(typeof operations)[K]['args'][number], Argument>
>

/** One device slot of a machine with something in it. */
export interface AttachedMedium {
  /** Empty for a drive with nothing in it. */
  readonly medium: string
  readonly controller: string
  readonly port: number
  readonly device: number
  /** `HardDisk`, `DVD`, `Floppy`. */
  readonly type: string
}

interface Results {
  readonly nothing: undefined
  readonly text: string
  readonly texts: readonly string[]
  readonly number: number
  readonly boolean: boolean
  readonly attachments: readonly AttachedMedium[]
  readonly properties: Readonly<Record<string, string>>
}

/** What an operation answers with. */
export type ResultOf<K extends OperationName> = Results[(typeof operations)[K]['result']]

/** What a result looks like before it is given its type: the repeated values and, of properties, their names. */
export interface RawResult {
  readonly values: readonly unknown[]
  readonly names: readonly string[]
}

/** Gives a result its type. */
export function resultOf<K extends OperationName>(name: K, raw: RawResult): ResultOf<K> {
  return READERS[operations[name].result](raw) as ResultOf<K>
}

const READERS: { readonly [K in ResultKind]: (raw: RawResult) => Results[K] } = {
  nothing: () => undefined,
  text: ({ values }) => text(values[0]),
  texts: ({ values }) => values.map(text),
  number: ({ values }) => Number(text(values[0])),
  boolean: ({ values }) => text(values[0]) === 'true',
  attachments: ({ values }) => values.map(attachment),
  properties: ({ values, names }) =>
    Object.fromEntries(names.map((name, index) => [name, text(values[index])])),
}

function attachment(value: unknown): AttachedMedium {
  const fields = typeof value === 'object' && value !== null ? value : {}
  const field = (name: string) => text((fields as Readonly<Record<string, unknown>>)[name])
  return {
    medium: field('medium'),
    controller: field('controller'),
    port: Number(field('port')),
    device: Number(field('device')),
    type: field('type'),
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

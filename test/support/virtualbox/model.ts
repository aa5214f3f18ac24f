import { randomUUID } from 'node:crypto'

/** A result code with words, as VirtualBox answers. */
export class ApiError extends Error {
  readonly code: number

  constructor(code: number, text: string) {
    super(text)
    this.code = code
  }
}

/** A hard disk of the host. */
export class SimMedium {
  readonly kind = 'IMedium'
  id = '00000000-0000-0000-0000-000000000000'
  location: string
  readonly format: string
  state: 'NotCreated' | 'Creating' | 'Created' | 'LockedRead' | 'LockedWrite' | 'Inaccessible' =
    'NotCreated'
  sizeBytes = 0
  type = 'Normal'
  description = ''
  /** What is written on it. */
  content = ''
  readonly properties = new Map<string, string>()
  /** The machines that it takes itself to be attached to; what was never saved stays among them. */
  readonly machineIds = new Set<string>()
  /** What it is a later image of, where a machine has snapshots. */
  base: SimMedium = this
  /** Whether a snapshot of a machine has it, so that another image is attached in its place. */
  isInSnapshot = false
  isClosed = false

  constructor(location: string, format: string) {
    this.location = location
    this.format = format
  }

  create(sizeBytes: number): void {
    this.id = randomUUID()
    this.sizeBytes = sizeBytes
    this.state = 'Created'
  }
}

/** One slot of a machine with something in it. */
export interface SimSlot {
  readonly controller: string
  readonly port: number
  readonly device: number
  readonly type: 'HardDisk' | 'DVD'
  readonly medium: SimMedium | undefined
  hotPluggable: boolean
  /** Attached since the last save. */
  isNew: boolean
}

/** What holds a lock, or wants one. */
export class SimLock {
  readonly kind = 'ISession'
  machine: SimMachine | undefined
  type: 'Null' | 'WriteLock' | 'Shared' = 'Null'
}

/** A machine as a lock shows it. */
export class SimSessionMachine {
  readonly kind = 'IMachine'
  readonly machine: SimMachine
  readonly lock: SimLock

  constructor(machine: SimMachine, lock: SimLock) {
    this.machine = machine
    this.lock = lock
  }
}

/** Something under way. */
export class SimProgress {
  readonly kind = 'IProgress'
  isDone = false
  error: ApiError | undefined
}

/** A storage controller. */
export interface SimController {
  readonly kind: 'IStorageController'
  readonly name: string
  readonly bus: string
  readonly portCount: number
}

/** A network adapter. */
export interface SimAdapter {
  readonly kind: 'INetworkAdapter'
  readonly mac: string
  readonly enabled: boolean
}

/** Where a machine's disks show. */
export interface SimGuest {
  appear(medium: SimMedium): void
  vanish(medium: SimMedium): void
}

/** A machine of the host. */
export class SimMachine {
  readonly kind = 'IMachine'
  readonly id: string = randomUUID()
  readonly name: string
  hardwareUuid: string = this.id
  state = 'PoweredOff'
  stateSince = Date.now()
  isAccessible = true
  controllers: SimController[] = []
  readonly adapters: SimAdapter[] = []
  /** As its settings say. */
  saved: SimSlot[] = []
  /** As whoever has it locked, or its own process while it runs, sees it. */
  slots: SimSlot[] = []
  owner: SimLock | 'its own process' | undefined
  readonly sharers = new Set<SimLock>()
  guest: SimGuest | undefined
  /** Whether a power-down is refused. */
  isUnstoppable = false

  constructor(name: string) {
    this.name = name
  }

  /** Whether it has a process of its own. */
  get isRunning(): boolean {
    return /^(?:Running|Paused|Stuck|Starting|Stopping|Saving)$/.test(this.state)
  }
}

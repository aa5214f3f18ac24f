import { done, requireUnlocked, SimDisks } from './disks.ts'
import { SimFolders } from './folders.ts'
import {
  ApiError,
  type SimLock,
  SimMachine,
  SimMedium,
  type SimProgress,
  SimSessionMachine,
  type SimSlot,
} from './model.ts'

/** The result codes that the host answers with. */
const NOT_FOUND = 0x80bb0001
const INVALID_VM_STATE = 0x80bb0002
const INVALID_OBJECT_STATE = 0x80bb0007
const NOT_SUPPORTED = 0x80bb0009
const IN_USE = 0x80bb000c
const ACCESS_DENIED = 0x80070005
const INVALID_ARGUMENT = 0x80070057
const UNEXPECTED = 0x8000ffff

/**
 * A host of VirtualBox with its registry of disks and machines. It behaves as 7.2 was seen to, with the defects that a client
 * has to live with: what is attached and not saved is half there, and some sequences end the service (`died`).
 */
export class SimHost {
  readonly disks = new SimDisks((why) => {
    this.died = why
  })
  readonly machines: SimMachine[] = []
  readonly folders = new SimFolders()
  /** Why the service ended; undefined while it lives. */
  died: string | undefined
  addMachine(name: string, { running = true, portCount = 30 } = {}): SimMachine {
    const machine = new SimMachine(name)
    const kind = 'IStorageController' as const
    machine.controllers = [{ kind, name: 'SATA', bus: 'SATA', portCount }]
    const digits = (this.machines.length + 1).toString(16).toUpperCase().padStart(6, '0')
    machine.adapters.push({ kind: 'INetworkAdapter', mac: `080027${digits}`, enabled: true })
    this.machines.push(machine)
    this.#startFrom(machine)
    if (running) this.power(machine, 'Running')
    return machine
  }

  /** Its system disk on the first port, and a drive without a disk in it. */
  #startFrom(machine: SimMachine): void {
    const disk = new SimMedium(`/home/me/VirtualBox VMs/${machine.name}/disk1.vmdk`, 'VMDK')
    disk.create(40 * 2 ** 30)
    disk.machineIds.add(machine.id)
    this.disks.add(disk)
    const shared = { controller: 'SATA', device: 0, hotPluggable: false, isNew: false }
    machine.slots = [
      { ...shared, port: 0, type: 'HardDisk', medium: disk },
      { ...shared, port: 1, type: 'DVD', medium: undefined },
    ]
    machine.saved = [...machine.slots]
  }

  /** Brings a machine into a state, as a person at the host would. */
  power(machine: SimMachine, state: string): void {
    const wasRunning = machine.isRunning
    machine.state = state
    machine.stateSince = Date.now()
    for (const { medium, type } of machine.slots)
      if (medium !== undefined && type === 'HardDisk')
        medium.state = machine.isRunning ? 'LockedWrite' : 'Created'
    if (machine.isRunning) machine.owner = 'its own process'
    else if (machine.owner === 'its own process') this.#let(machine)
    if (wasRunning && !machine.isRunning) this.save(machine)
  }

  findMachine(nameOrId: string): SimMachine {
    const wanted = nameOrId.replace(/[{}]/g, '').toLowerCase()
    const found = this.machines.find(({ id, name }) => id === wanted || name === nameOrId)
    if (found === undefined)
      throw new ApiError(NOT_FOUND, `Could not find a registered machine named '${nameOrId}'`)
    return found
  }

  /** The images that snapshots of machines have put before a disk. */
  childrenOf(medium: SimMedium): readonly SimMedium[] {
    const attached = this.machines.flatMap(({ slots, saved }) => [...slots, ...saved])
    const images = attached.flatMap((slot) => slot.medium ?? [])
    return [...new Set(images)].filter((one) => one.base === medium && one !== medium)
  }

  /** Takes a snapshot of a machine that is off, so that each of its disks gets another image. */
  takeSnapshot(machine: SimMachine): void {
    machine.slots = machine.slots.map((slot) =>
      slot.medium?.type === 'Normal' ? { ...slot, medium: laterImage(slot.medium) } : slot,
    )
    this.save(machine)
    for (const { medium } of machine.slots) medium?.base.machineIds.add(machine.id)
  }

  lock(machine: SimMachine, lock: SimLock, type: string): void {
    if (lock.machine !== undefined) throw new ApiError(INVALID_OBJECT_STATE, 'The session is busy')
    if (machine.owner !== undefined && type !== 'Shared')
      throw new ApiError(
        INVALID_OBJECT_STATE,
        `The machine '${machine.name}' is already locked for a session (or being unlocked)`,
      )
    lock.machine = machine
    if (machine.owner === undefined) {
      machine.owner = lock
      lock.type = 'WriteLock'
      machine.slots = machine.saved.map((slot) => ({ ...slot }))
    } else {
      machine.sharers.add(lock)
      lock.type = 'Shared'
    }
  }

  unlock(lock: SimLock): void {
    const { machine } = lock
    if (machine === undefined) throw new ApiError(UNEXPECTED, 'The session is not locked')
    lock.machine = undefined
    lock.type = 'Null'
    machine.sharers.delete(lock)
    if (machine.owner === lock) this.#let(machine)
  }

  /** What was not saved is gone; but a disk goes on taking itself for attached. */
  #let(machine: SimMachine): void {
    machine.owner = undefined
    for (const sharer of machine.sharers) {
      sharer.machine = undefined
      sharer.type = 'Null'
    }
    machine.sharers.clear()
    machine.slots = machine.saved.map((slot) => ({ ...slot, isNew: false }))
  }

  attach(
    where: SimMachine | SimSessionMachine,
    slot: Omit<SimSlot, 'hotPluggable' | 'isNew'>,
  ): void {
    const machine = changeable(where)
    const given = slot.medium
    const medium = given?.isInSnapshot === true ? laterImage(given) : given
    if (medium === undefined) throw new ApiError(INVALID_ARGUMENT, 'The medium is not a hard disk')
    requireSlot(machine, slot)
    if (machine.slots.some((one) => one.port === slot.port && one.controller === slot.controller))
      throw new ApiError(IN_USE, `Device is already attached to port ${slot.port}`)
    if (medium.machineIds.has(machine.id))
      throw new ApiError(
        IN_USE,
        `Medium '${medium.location}' is already associated with the current state of machine`,
      )
    if (machine.isRunning) {
      requireUnlocked(medium, 'Medium is locked for writing by another task')
      medium.state = 'LockedWrite'
      machine.guest?.appear(medium)
    }
    medium.machineIds.add(machine.id)
    machine.slots.push({ ...slot, medium, hotPluggable: machine.isRunning, isNew: true })
  }

  detach(where: SimMachine | SimSessionMachine, controller: string, port: number): void {
    const machine = changeable(where)
    const slot = machine.slots.find((one) => one.port === port && one.controller === controller)
    if (slot === undefined) throw new ApiError(NOT_FOUND, `No device attached to port ${port}`)
    if (slot.isNew) {
      this.died = 'a disk was detached before it was saved that it is attached'
      throw new ApiError(0x80004004, '')
    }
    if (machine.isRunning) {
      if (!slot.hotPluggable) throw new ApiError(NOT_SUPPORTED, 'The device is not hot-pluggable')
      if (slot.medium !== undefined) {
        slot.medium.state = 'Created'
        machine.guest?.vanish(slot.medium)
      }
    }
    machine.slots.splice(machine.slots.indexOf(slot), 1)
  }

  setHotPluggable(
    where: SimMachine | SimSessionMachine,
    controller: string,
    port: number,
    value: boolean,
  ): void {
    const machine = changeable(where)
    if (machine.isRunning) throw new ApiError(INVALID_VM_STATE, 'The machine is not powered off')
    const slot = machine.slots.find((one) => one.port === port && one.controller === controller)
    if (slot === undefined) throw new ApiError(NOT_FOUND, `No device attached to port ${port}`)
    slot.hotPluggable = value
  }

  save(where: SimMachine | SimSessionMachine): void {
    const machine = where instanceof SimSessionMachine ? changeable(where) : where
    const before = machine.saved.flatMap(({ medium }) => medium ?? [])
    for (const slot of machine.slots) slot.isNew = false
    machine.saved = machine.slots.map((slot) => ({ ...slot }))
    for (const medium of before)
      if (!machine.saved.some((slot) => slot.medium === medium))
        medium.machineIds.delete(machine.id)
  }

  powerDown(lock: SimLock): SimProgress {
    const { machine } = lock
    if (machine === undefined || !/^(?:Running|Paused|Stuck)$/.test(machine.state))
      throw new ApiError(INVALID_VM_STATE, `Invalid machine state: ${machine?.state}`)
    return done(() => {
      if (machine.isUnstoppable) throw new ApiError(0x80bb0003, 'The VM does not answer')
      this.power(machine, 'PoweredOff')
    })
  }
}

function laterImage(base: SimMedium): SimMedium {
  const image = new SimMedium(`/home/me/Snapshots/${base.id}.vdi`, base.format)
  image.create(base.sizeBytes)
  image.base = base
  return image
}

/** What a lock shows can be changed while it holds; the machine itself never. */
function changeable(where: SimMachine | SimSessionMachine): SimMachine {
  if (where instanceof SimMachine)
    throw new ApiError(
      INVALID_VM_STATE,
      'The machine is not mutable or running (state is PoweredOff)',
    )
  if (where.lock.machine !== where.machine)
    throw new ApiError(ACCESS_DENIED, 'The object is not ready')
  if (/Saved/.test(where.machine.state))
    throw new ApiError(
      INVALID_VM_STATE,
      `The machine is not mutable (state is ${where.machine.state})`,
    )
  return where.machine
}

function requireSlot(
  machine: SimMachine,
  { controller, port }: Pick<SimSlot, 'controller' | 'port'>,
): void {
  const found = machine.controllers.find(({ name }) => name === controller)
  if (found === undefined)
    throw new ApiError(NOT_FOUND, `Could not find a storage controller named '${controller}'`)
  if (port >= found.portCount)
    throw new ApiError(INVALID_ARGUMENT, 'The port and/or device parameter are out of range')
}

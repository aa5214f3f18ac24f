import { COMMAND_HOLDER, type Reference } from '../../../src/mount/references.ts'
import type { World } from './world.ts'
import type { WorldMachine } from './world-machine.ts'

/**
 * Looks at a world in which nobody uses anything any more, and enough time has passed: what is left must belong to
 * somebody. A reference whose Unmount no dockerd ever sent does.
 */
export function audit(world: World): void {
  for (const machine of world.machines.filter(({ isUp }) => isUp)) auditMachine(world, machine)
  const { chronicle, platform } = world
  for (const { facts, attachment } of platform.now()) {
    const holder = world.machines.find(({ id }) => id === attachment?.instanceId)
    if (attachment === undefined || holder?.isUp === false) continue
    const isKnown = holder?.files.records().some(({ volume }) => volume.id === facts.id)
    if (!isKnown)
      chronicle.violated(`${facts.name} stays attached to ${attachment.instanceId}, for nobody`)
  }
}

function auditMachine({ chronicle }: World, machine: WorldMachine): void {
  const { id: machineId, files, kernel } = machine
  const records = files.records()
  for (const record of records) {
    const { volume, references } = record
    const isKnown = ({ id }: Reference) => isOwed(machine, id, volume.name)
    // Doubted references are looked at again when no other is left.
    const isDoubted = ({ doubtedSince }: Reference) =>
      doubtedSince !== undefined && references.some(isKnown)
    const unknown = references.find((one) => !isKnown(one) && !isDoubted(one))
    if (unknown !== undefined)
      chronicle.violated(`${machineId} keeps a reference of ${unknown.id} to ${volume.name}`)
    // That a growth was cut short is known until the file system is mounted again.
    if (references.length === 0 && record.growing === undefined)
      chronicle.violated(`${machineId} keeps a record of ${volume.name} for nobody`)
  }
  for (const volume of machine.person.holds)
    chronicle.violated(`${machineId}: the command line cannot let ${volume} go`)
  for (const lock of files.locks()) chronicle.violated(`${machineId} keeps the lock ${lock}`)
  for (const { mountPoint } of kernel.mounts)
    if (records.every(({ mount }) => mount?.mountPoint !== mountPoint))
      chronicle.violated(`${machineId} keeps a mount at ${mountPoint} for nobody`)
}

function isOwed({ docker, person }: WorldMachine, id: string, volume: string): boolean {
  return id === COMMAND_HOLDER ? person.holds.has(volume) : docker.owed.has(id)
}

/** Looks at a world in which every volume was removed: nothing is left at all. */
export function auditEmpty({ chronicle, platform, machines }: World): void {
  for (const { facts } of platform.now())
    chronicle.violated(`${facts.name} could not be removed at the end`)
  for (const machine of machines.filter(({ isUp }) => isUp)) {
    for (const { volume } of machine.files.records())
      chronicle.violated(`${machine.id} keeps a record of ${volume.name}, which is removed`)
    for (const { mountPoint } of machine.kernel.mounts)
      chronicle.violated(`${machine.id} keeps a mount at ${mountPoint} of what is removed`)
  }
}

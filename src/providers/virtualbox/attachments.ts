import { FailedPreconditionError, NotFoundError, volumeNamed } from '../../libstorage/errors.ts'
import type { InstanceId, VolumeAttachment, VolumeId } from '../../libstorage/types.ts'
import { poll, sleep, throwIfAborted, together } from '../../libstorage/wait.ts'
import type { AttachmentContext } from './attachment-context.ts'
import { noController, noPort, unreadable, wrongBus, wrongType } from './attachment-refusals.ts'
import type { WebSession } from './client.ts'
import { detachLocked } from './detachment.ts'
import { heldBy } from './errors.ts'
import { attachmentOf, type Facts, readDescription, timeAfter, writeFacts } from './facts.ts'
import { Code, hasCode, VboxFault } from './fault.ts'
import { hasLaterImage, requireNoLaterImage } from './later-images.ts'
import { type LockedMachine, save } from './machines.ts'
import type { Medium } from './media.ts'
import type { AttachedMedium } from './operations.ts'
import { hardDisks, slotOf } from './slots.ts'

/** How often another port is tried where somebody was faster with one. */
const PORTS = 5
/** How often two machines that attached one volume at once, and both let go, try again. */
const TIES = 3
const TIE_MS = 200
/** How long the settings of a machine that was faster may take to say so, in milliseconds. */
const WINNER = { intervalMs: 200, timeoutMs: 3_000 }

interface Target {
  readonly medium: Medium
  readonly name: string
  readonly to: InstanceId
  /** How VirtualBox treats the disk: `Normal` or `Writethrough`. */
  readonly type: string
}

/** Ties a volume to a machine, running or off; resolves when its settings say so. */
export async function attachVolume(
  context: AttachmentContext,
  session: WebSession,
  { id, to }: { readonly id: VolumeId; readonly to: InstanceId },
  signal: AbortSignal | undefined,
): Promise<VolumeAttachment> {
  for (let round = 1; ; round += 1) {
    try {
      const attachment = await context.machines.locked(session, to, signal, async (machine) => {
        throwIfAborted(signal)
        return await attachLocked(context, machine, { id, to })
      })
      await context.disks.attached(session, attachment)
      return attachment
    } catch (error) {
      if (!(error instanceof TieError) || round === TIES) throw error
      await sleep(TIE_MS * context.pace * (1 + Math.random()), signal)
    }
  }
}

/** Two machines that are off had the volume at once: this one has let it go again. */
class TieError extends FailedPreconditionError {}

async function attachLocked(
  context: AttachmentContext,
  machine: LockedMachine,
  { id, to }: { readonly id: VolumeId; readonly to: InstanceId },
): Promise<VolumeAttachment> {
  const { session } = machine
  const found = await context.media.volume(session, id)
  if (found === undefined) throw new NotFoundError(volumeNamed(id))
  const { volume, medium } = found
  const [mine] = volume.attachments.filter(({ instanceId }) => instanceId === to)
  const [other] = volume.attachments
  if (mine === undefined && other !== undefined) throw heldBy(volume.name, other)
  await requireNoLaterImage(session, medium, volume.name)
  if (mine !== undefined) return mine
  if (medium.state === 'Inaccessible') throw unreadable(volume.name, medium)
  const type = await session.call('IMedium_getType', { _this: medium.ref })
  if (!['Normal', 'Writethrough'].includes(type)) throw wrongType(volume.name, medium, type)
  const target = { medium, name: volume.name, to, type }
  const slots = await freeSlots(context, machine, target)
  // One that died before it saved: the machine has it, and its settings do not say so yet.
  const left = await slotOf(session, slots.taken, medium.ref)
  const attachment = left
    ? await attachLeft(context, machine, target, left)
    : await attachToFree(context, machine, target, slots.free)
  if (machine.isOff) await requireAlone(context, machine, target)
  return attachment
}

/** A running machine's disk is locked by it; of machines that are off several may get it, so that it is looked at again. */
async function requireAlone(
  context: AttachmentContext,
  machine: LockedMachine,
  { medium, name, to }: Target,
): Promise<void> {
  const seen = await context.media.volume(machine.session, medium.id)
  const other = seen?.volume.attachments.find(({ instanceId }) => instanceId !== to)
  if (other === undefined) return
  await detachLocked(context, machine, { medium, from: to })
  throw new TieError({
    subject: volumeNamed(name),
    problem: `was attached to ${other.instanceId} at the same moment`,
    remedy: 'detach it there',
  })
}

interface FreeSlots {
  readonly taken: readonly AttachedMedium[]
  readonly free: readonly number[]
}

/** The ports that there really are; how many there could be says nothing. */
async function freeSlots(
  { controllerName: name }: AttachmentContext,
  { session, machine }: LockedMachine,
  target: Target,
): Promise<FreeSlots> {
  const controller = await session
    .call('IMachine_getStorageControllerByName', { _this: machine, name })
    .catch(async (error: unknown) => {
      if (!hasCode(error, Code.objectNotFound)) throw error
      throw await noController(session, machine, name, target)
    })
  const [bus, portCount, slots] = await together([
    session.call('IStorageController_getBus', { _this: controller }),
    session.call('IStorageController_getPortCount', { _this: controller }),
    session.call('IMachine_getMediumAttachmentsOfController', { _this: machine, name }),
  ])
  if (bus !== 'SATA') throw wrongBus(name, bus, target)
  const used = new Set(slots.map(({ port }) => port))
  const free = Array.from({ length: portCount }, (_, port) => port).filter((one) => !used.has(one))
  return { taken: hardDisks(slots), free }
}

async function attachLeft(
  context: AttachmentContext,
  machine: LockedMachine,
  target: Target,
  slot: Slot,
): Promise<VolumeAttachment> {
  await finish(context, machine, slot)
  return attachmentOf(target.medium, target.to, deviceNameOf(slot))
}

async function attachToFree(
  context: AttachmentContext,
  machine: LockedMachine,
  target: Target,
  free: readonly number[],
): Promise<VolumeAttachment> {
  const { medium, to } = target
  const refused = (error: unknown) => inUse(context, machine, target, error)
  const facts = await noteAttachment(machine.session, medium, to).catch(refused)
  await keepOutOfSnapshots(context, machine.session, target)
  for (const port of free.slice(0, PORTS)) {
    const slot = { controller: context.controllerName, port, device: 0 }
    const isAttached = await attachToPort(context, machine, target, slot).catch(refused)
    if (!isAttached) continue
    await finish(context, machine, slot)
    await requireItself(context, machine, target, slot)
    // Another guest may have marked it in between: what it says from now on is what every look will find.
    const said = await readDescription(machine.session, medium.ref).catch(() => ({ facts }))
    return attachmentOf({ ...medium, ...said }, to, deviceNameOf(slot))
  }
  throw noPort(context.controllerName, target)
}

/** Resolves with false where somebody else has taken the port. */
async function attachToPort(
  context: AttachmentContext,
  machine: LockedMachine,
  target: Target,
  slot: Slot,
): Promise<boolean> {
  try {
    await machine.session.call('IMachine_attachDevice', {
      _this: machine.machine,
      name: slot.controller,
      controllerPort: slot.port,
      device: slot.device,
      type: 'HardDisk',
      medium: target.medium.ref,
    })
    return true
  } catch (error) {
    if (hasCode(error, Code.objectInUse) && (await isTaken(machine, slot))) return false
    // Where the answer was lost it may be attached, and has to be saved like any other.
    if (!(error instanceof VboxFault)) await finish(context, machine, slot).catch(() => {})
    throw error
  }
}

/** A slot by which a disk is named. */
type Slot = Pick<AttachedMedium, 'controller' | 'port' | 'device'>

function deviceNameOf({ controller, port }: Slot): string {
  return `${controller}:${port}`
}

/** What comes after it was attached: without a save the service would take it for attached, and no machine would have it. */
async function finish(
  { pace }: AttachmentContext,
  machine: LockedMachine,
  { controller, port, device }: Slot,
): Promise<void> {
  const { session, isOff } = machine
  const place = { name: controller, controllerPort: port, device }
  try {
    // Of a running machine it is so by itself; without it the disk could not be taken from it while it runs.
    if (isOff)
      await session.call('IMachine_setHotPluggableForDevice', {
        _this: machine.machine,
        ...place,
        hotPluggable: true,
      })
  } finally {
    await save(machine, pace)
  }
}

/** Said before it is attached: of a disk that a running machine has nothing can be changed. */
async function noteAttachment(
  session: WebSession,
  { ref, facts = { kind: 'adopted' }, text }: Medium,
  machine: InstanceId,
): Promise<Facts> {
  const noted = { ...facts, attachment: { machine, since: timeAfter(facts) } }
  await writeFacts(session, ref, noted, text)
  return noted
}

/** A disk that is write-through has no part in snapshots of machines; one of somebody else's may be another. */
async function keepOutOfSnapshots(
  { warn }: AttachmentContext,
  session: WebSession,
  { medium, name, type }: Target,
): Promise<void> {
  if (type !== 'Normal') return
  try {
    await session.call('IMedium_setType', { _this: medium.ref, type: 'Writethrough' })
  } catch (error) {
    warn?.(
      `${volumeNamed(name)} cannot be made write-through (${String(error)}): take no snapshot of a machine that has it`,
    )
  }
}

/** Of a disk that is part of a snapshot VirtualBox attaches a new image in its place: that is taken off again. */
async function requireItself(
  { pace }: AttachmentContext,
  machine: LockedMachine,
  { medium, name, to }: Target,
  { controller, port, device }: Slot,
): Promise<void> {
  const { session, machine: _this } = machine
  const all = await session.call('IMachine_getMediumAttachmentsOfController', {
    _this,
    name: controller,
  })
  const found = all.find((one) => one.port === port && one.device === device)
  if (found === undefined || found.medium === medium.ref) return
  const place = { name: controller, controllerPort: port, device }
  await session.call('IMachine_detachDevice', { _this, ...place })
  await save(machine, pace)
  throw hasLaterImage(name, { machineIds: [...medium.machineIds, to] })
}

async function isTaken({ session, machine }: LockedMachine, slot: Slot): Promise<boolean> {
  const args = { _this: machine, name: slot.controller }
  const slots = await session.call('IMachine_getMediumAttachmentsOfController', args)
  return slots.some(({ port, device }) => port === slot.port && device === slot.device)
}

/** A machine that runs was faster, which its settings may not say yet; or something on the host works on the disk. */
async function inUse(
  context: AttachmentContext,
  { session }: LockedMachine,
  { medium, name, to }: Target,
  error: unknown,
): Promise<never> {
  if (!hasCode(error, Code.invalidObjectState)) throw error
  const look = async () => {
    const seen = await context.media.volume(session, medium.id)
    return seen?.volume.attachments.find(({ instanceId }) => instanceId !== to)
  }
  const { intervalMs, timeoutMs } = WINNER
  const other = await poll(look, {
    intervalMs: intervalMs * context.pace,
    timeoutMs: timeoutMs * context.pace,
  })
  throw other === undefined ? error : heldBy(name, other)
}

import { ApiError } from './api-error.ts'
import type { Form } from './form.ts'
import type { Region } from './region.ts'
import type { SimAttachment, SimInstance, SimVolume } from './resources.ts'
import { volumeIdIn } from './volume-actions.ts'

const DEVICE = /^(\/dev\/)?(sd[a-z][1-9]?\d?|xvd[a-z]|xvd[a-d][a-z])$/
const REFUSED_DEVICES = new Set(['/dev/xvddy', '/dev/xvddz'])

/** Ties a volume to an instance: the disk appears in the kernel and EC2 says `attached`, each in its time. */
export function attachVolume(region: Region, form: Form): SimAttachment {
  const volume = region.volume(volumeIdIn(form))
  const instance = region.instance(form.required('InstanceId'))
  const device = form.required('Device')
  refuseDevice(device)
  if (volume.zone !== instance.zone)
    throw new ApiError(
      'InvalidVolume.ZoneMismatch',
      `The volume '${volume.id}' is not in the same availability zone as instance '${instance.id}'`,
    )
  if (instance.state !== 'running' && instance.state !== 'stopped')
    throw new ApiError('IncorrectState', `Instance '${instance.id}' is not 'running'.`)
  refuseState(volume, instance)
  refuseCrowd(region, instance, device)
  const attachment: SimAttachment = {
    volumeId: volume.id,
    instanceId: instance.id,
    device,
    state: 'attaching',
    time: timeOfAttach(region, volume.id),
    deleteOnTermination: false,
  }
  region.change(volume.id, { state: 'in-use', attachments: [...volume.attachments, attachment] })
  follow(region, attachment)
  return attachment
}

/** Whole seconds, as look-ups show it; a volume is not attached twice in one second, however fast the region is. */
function timeOfAttach(region: Region, volumeId: string): Date {
  const before = region.lastAttached.get(volumeId) ?? 0
  const time = Math.max(Math.floor(region.clock.now() / 1_000) * 1_000, before + 1_000)
  region.lastAttached.set(volumeId, time)
  return new Date(time)
}

function refuseDevice(device: string): void {
  if (DEVICE.test(device) && !REFUSED_DEVICES.has(device)) return
  throw new ApiError(
    'InvalidParameterValue',
    `Value (${device}) for parameter device is invalid. ${device} is not a valid EBS device name.`,
  )
}

function refuseState(volume: SimVolume, { id }: SimInstance): void {
  const [other] = volume.attachments
  if (volume.state === 'creating' || volume.state === 'deleting' || volume.state === 'error')
    throw new ApiError('IncorrectState', `Volume '${volume.id}' is not 'available'.`)
  if (other === undefined && volume.state === 'available') return
  if (other === undefined || other.state === 'detaching' || other.state === 'busy')
    throw new ApiError('IncorrectState', `Volume '${volume.id}' is detaching.`)
  if (volume.multiAttach && volume.attachments.every((one) => one.instanceId !== id)) return
  throw new ApiError('VolumeInUse', `${volume.id} is already attached to an instance`)
}

function refuseCrowd(region: Region, instance: SimInstance, device: string): void {
  const others = region.attachmentsOf(instance.id)
  if (others.some((one) => one.device === device))
    throw new ApiError(
      'InvalidParameterValue',
      `Invalid value '${device}' for unixDevice. Attachment point ${device} is already in use`,
    )
  const most = region.types.get(instance.type)?.attachments ?? 27
  if (others.length >= most)
    throw new ApiError(
      'AttachmentLimitExceeded',
      `Your request to attach a volume to instance '${instance.id}' exceeds the limit of ${most} attachments for its type ${instance.type}.`,
    )
}

function follow(region: Region, attachment: SimAttachment): void {
  if (region.stuckAttaching.delete(attachment.volumeId)) return
  const { device, attach } = region.delays
  const isOn = () =>
    region.current(attachment)?.state === 'attaching' ||
    region.current(attachment)?.state === 'attached'
  region.clock.after(device, () => {
    if (isOn()) appear(region, attachment)
  })
  region.clock.after(attach, () => {
    if (region.current(attachment)?.state === 'attaching')
      region.changeAttachment(attachment, { state: 'attached' })
  })
}

/** Shows an attached volume to its machine, if that is on. */
export function appear(region: Region, { volumeId, instanceId, device }: SimAttachment): void {
  const volume = region.volumes.get(volumeId)
  if (volume !== undefined && region.instances.get(instanceId)?.state === 'running')
    region.guests.get(instanceId)?.appear(volume, device)
}

/** Ends an attachment; what that comes to depends on the machine, and on force. */
export function detachVolume(region: Region, form: Form): SimAttachment {
  const volume = region.volume(volumeIdIn(form))
  const attachment = meantAttachment(region, volume, form)
  const instance = region.instance(attachment.instanceId)
  if (volume.operator !== undefined)
    throw new ApiError(
      'UnsupportedOperation',
      `Volume '${volume.id}' is managed by ${volume.operator}.`,
    )
  if (attachment.deleteOnTermination && instance.state === 'running')
    throw new ApiError(
      'OperationNotPermitted',
      `Unable to detach root volume '${volume.id}' from instance '${instance.id}'`,
    )
  const isForced = form.flag('Force')
  if (!isForced && (attachment.state === 'detaching' || attachment.state === 'busy'))
    throw new ApiError('IncorrectState', `Volume '${volume.id}' is in the 'detaching' state.`)
  region.changeAttachment(attachment, { state: 'detaching' })
  const { deviceGone, detach } = region.delays
  region.clock.after(deviceGone, () => letGo(region, attachment, isForced, detach - deviceGone))
  return { ...attachment, state: 'detaching' }
}

function meantAttachment(region: Region, volume: SimVolume, form: Form): SimAttachment {
  const instanceId = form.text('InstanceId')
  const device = form.text('Device')
  if (instanceId !== undefined) region.instance(instanceId)
  const [first, ...more] = volume.attachments
  if (first === undefined)
    throw new ApiError('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`)
  if (instanceId === undefined && more.length > 0)
    throw new ApiError(
      'InvalidParameterCombination',
      'The parameter InstanceId is required for a Multi-Attach enabled volume.',
    )
  const meant = volume.attachments.find(
    (one) =>
      (instanceId === undefined || one.instanceId === instanceId) &&
      (device === undefined || one.device === device),
  )
  if (meant !== undefined) return meant
  throw new ApiError(
    'InvalidAttachment.NotFound',
    `The volume '${volume.id}' is not attached to instance '${instanceId}'${device === undefined ? '' : ` as device '${device}'`}.`,
  )
}

/** Takes the disk from its machine as soon as that, or force, lets it. */
function letGo(region: Region, attachment: SimAttachment, isForced: boolean, restMs: number): void {
  if (region.current(attachment) === undefined) return
  const { volumeId, instanceId } = attachment
  const { isHeld, waits } = guestOf(region, attachment)
  if (!isForced && waits) {
    if (isHeld) region.changeAttachment(attachment, { state: 'busy' })
    const againMs = Math.max(1, region.delays.holdLook)
    region.clock.after(againMs, () => letGo(region, attachment, isForced, restMs))
    return
  }
  region.guests.get(instanceId)?.vanish(volumeId, isHeld)
  region.clock.after(Math.max(0, restMs), () => end(region, attachment))
}

/** What the machine says to a detach: one that hangs says nothing, one that uses the disk loses it or makes EC2 wait. */
function guestOf(
  region: Region,
  { volumeId, instanceId }: SimAttachment,
): { isHeld: boolean; waits: boolean } {
  const instance = region.instances.get(instanceId)
  const isOn = instance?.state === 'running' || instance?.state === 'stopping'
  const isHeld = isOn && region.guests.get(instanceId)?.isHeld(volumeId) === true
  const isBusy = isHeld && region.heldDisks.get(instanceId) === 'busy'
  return { isHeld, waits: isOn && (instance.isHung || isBusy) }
}

/** Takes an attachment away; the volume is free a moment later. */
export function end(region: Region, attachment: SimAttachment): void {
  if (region.current(attachment) === undefined) return
  const { volumeId } = attachment
  region.changeAttachment(attachment, undefined)
  region.clock.after(region.delays.free, () => {
    const volume = region.volumes.get(volumeId)
    if (volume?.state === 'in-use' && volume.attachments.length === 0)
      region.change(volumeId, { state: 'available' })
  })
}

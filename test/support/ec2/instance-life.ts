import { ApiError } from './api-error.ts'
import { appear, end } from './attachment-actions.ts'
import type { Region } from './region.ts'
import type { SimInstance, SimInstanceState, SimVolume } from './resources.ts'

/** The numbers by which EC2 names the states. */
export const stateCodes: Readonly<Record<SimInstanceState, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
}

/** Starts an instance that runs at once, with its root volume. */
export function launch(
  region: Region,
  spec: { readonly zone: string; readonly type: string },
): SimInstance {
  const launched: SimInstance = {
    id: region.newId('i'),
    ...spec,
    state: 'running',
    reason: '',
    isHung: false,
  }
  region.instances.set(launched.id, launched)
  addRoot(region, launched)
  return launched
}

/** Stops an instance; force does not wait for a guest that hangs. */
export function stop(region: Region, id: string, isForced: boolean): void {
  const instance = region.instance(id)
  if (instance.state === 'stopped' || instance.state === 'stopping') return
  if (instance.state !== 'running')
    throw new ApiError(
      'IncorrectInstanceState',
      `The instance '${id}' is not in a state from which it can be stopped.`,
    )
  become(region, id, 'stopping')
  if (instance.isHung && !isForced) return
  settleLater(region, id, 'stopping', region.delays.stop)
}

export function start(region: Region, id: string): void {
  if (region.instance(id).state !== 'stopped')
    throw new ApiError(
      'IncorrectInstanceState',
      `The instance '${id}' is not in a state from which it can be started.`,
    )
  become(region, id, 'pending')
  settleLater(region, id, 'pending', region.delays.boot)
}

/** Ends an instance for good: its volumes are set free, its root volume goes with it. */
export function terminate(region: Region, id: string): void {
  become(region, id, 'shutting-down')
  settleLater(region, id, 'shutting-down', region.delays.terminate)
}

/** Brings what is under way with an instance to its end; the volumes of one that is terminated are set free. */
export function settle(region: Region, id: string): void {
  const { state } = region.instances.get(id) ?? {}
  if (state === 'pending') booted(region, id)
  if (state === 'terminated' || state === undefined) release(region, id)
  if (state !== 'stopping' && state !== 'shutting-down') return
  off(region, id)
  become(region, id, state === 'stopping' ? 'stopped' : 'terminated')
  if (state === 'shutting-down') settleLater(region, id, 'terminated', region.delays.release)
}

function settleLater(region: Region, id: string, from: SimInstanceState, ms: number): void {
  region.clock.after(ms, () => {
    if (region.instances.get(id)?.state === from) settle(region, id)
  })
}

function booted(region: Region, id: string): void {
  setHung(region, id, false)
  become(region, id, 'running')
  for (const attachment of region.attachmentsOf(id))
    if (!attachment.deleteOnTermination) appear(region, attachment)
}

function release(region: Region, id: string): void {
  for (const attachment of region.attachmentsOf(id)) {
    end(region, attachment)
    if (attachment.deleteOnTermination) region.volumes.set(attachment.volumeId, undefined)
  }
}

/** Lets the guest hang, or come back: EC2 calls it running all the same. */
export function setHung(region: Region, id: string, isHung: boolean): void {
  region.instances.set(id, { ...region.instance(id), isHung })
}

/** Takes a terminated instance out of all look-ups, as EC2 does after an hour. */
export function forget(region: Region, id: string): void {
  region.instances.set(id, undefined)
}

/** The machine loses its power: what still uses a disk there loses that too. */
function off(region: Region, id: string): void {
  const guest = region.guests.get(id)
  for (const { volumeId } of region.attachmentsOf(id))
    guest?.vanish(volumeId, guest.isHeld(volumeId))
}

function become(region: Region, id: string, state: SimInstanceState): void {
  const isUsers = state !== 'running' && state !== 'pending'
  const time = new Date(region.clock.now()).toISOString().replace('T', ' ').slice(0, 19)
  const reason = isUsers ? `User initiated (${time} GMT)` : ''
  region.instances.set(id, { ...region.instance(id), state, reason })
}

function addRoot(region: Region, { id, zone }: SimInstance): void {
  const time = new Date(region.clock.now())
  const volumeId = region.newId('vol')
  const device = '/dev/xvda'
  const attachment = { volumeId, instanceId: id, device, time, deleteOnTermination: true } as const
  const root: SimVolume = {
    id: volumeId,
    zone,
    sizeGiB: 8,
    type: 'gp3',
    iops: 3_000,
    throughput: 125,
    encrypted: false,
    snapshotId: 'snap-0123456789abcdef0',
    multiAttach: false,
    createTime: time,
    state: 'in-use',
    tags: {},
    attachments: [{ ...attachment, state: 'attached' }],
  }
  region.volumes.set(volumeId, root)
}

import { volumeNamed } from '../../libstorage/errors.ts'
import type { InstanceId, Volume } from '../../libstorage/types.ts'
import type { LedgerRecord } from '../ledger-record.ts'
import { type Holder, heldElsewhere } from './holder.ts'
import { type Demand, isQuiet, policyAgainst, QUIET_MS, type Step, stepsFor } from './policy.ts'
import {
  attachableTwice,
  cannotFence,
  heldBy,
  lostJustNow,
  managedThere,
  sharedWith,
} from './refusals.ts'

/** What would become of a Mount on this machine. */
export interface Prospect {
  /** `here`: attached to this machine already. `free`: nobody has it. `take`: from its holder. `refuse`: it would be left to it. */
  readonly kind: 'here' | 'free' | 'take' | 'refuse'
  /** The steps of taking over in their order; none where nobody else has it. */
  readonly steps: readonly Step[]
  /** Why it would be refused, in the words of that refusal; else how it would go. */
  readonly because: string
}

/** What is known of a volume that somebody may want to mount. */
export interface MountedFrom {
  readonly volume: Volume
  readonly here: InstanceId
  /** The machine that has it, as one look saw it; undefined where none but this one does. */
  readonly holder: Holder | undefined
  readonly lost: LedgerRecord['lost']
  readonly demand: Demand
  /** Whether the platform can stop machines. */
  readonly canStop: boolean
  /** Of the epoch, in milliseconds. */
  readonly now: number
}

/** Foresees a Mount by the table that taking over goes by, and changes nothing. */
export function foresee(seen: MountedFrom): Prospect {
  const { volume, here, holder } = seen
  if (volume.state === 'error')
    return refused(`${volumeNamed(volume.name)} ${volume.problem ?? 'is in the state error'}`)
  if (volume.multiAttach === true) return refused(attachableTwice(volume).message)
  const mine = volume.attachments.find(({ instanceId }) => instanceId === here)
  const others = heldElsewhere(volume, here)
  if (mine !== undefined && others.length > 0) return refused(sharedWith(volume, others).message)
  const managed = managedThere(volume, others)
  if (managed !== undefined && holder !== undefined) return refused(managed.message)
  if (holder !== undefined) return foreseeTakingOver(seen, holder)
  if (mine === undefined)
    return { kind: 'free', steps: [], because: 'nobody has it: it is attached here' }
  if (mine.state !== 'detaching')
    return { kind: 'here', steps: [], because: 'it is attached here already' }
  return {
    kind: 'here',
    steps: [],
    because: 'its detach is finished first, then it is attached anew',
  }
}

function foreseeTakingOver(
  { volume, lost, demand, canStop, now }: MountedFrom,
  holder: Holder,
): Prospect {
  const quiet = isQuiet(lost, now)
  const steps = stepsFor(holder.state, policyAgainst(holder.state, demand, quiet))
  if (steps.includes('refuse')) {
    const isLeft = lost !== undefined && quiet && demand.preempt !== false
    const refusal = isLeft
      ? lostJustNow(volume, holder, { lostAt: lost.at, quietMs: QUIET_MS })
      : heldBy(volume, holder)
    return { kind: 'refuse', steps, because: refusal.message }
  }
  if (steps.includes('stop') && !canStop)
    return { kind: 'refuse', steps, because: cannotFence(volume, holder).message }
  const because = `it is taken from ${holder.id} (${holder.state}): ${steps.map((step) => WORDS[step]).join(', ')}`
  return { kind: 'take', steps, because }
}

const WORDS: Readonly<Record<Step, string>> = {
  wait: 'its own release is waited for',
  detach: 'it is detached there',
  grace: 'it gets its time to let go',
  force: 'it is detached by force',
  stop: 'that machine is stopped',
  stopped: 'its stop is waited for',
  refuse: 'it is left to it',
}

function refused(because: string): Prospect {
  return { kind: 'refuse', steps: [], because }
}

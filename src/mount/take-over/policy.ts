import type { PreemptPolicy } from '../settings.ts'

/** How long a machine that lost a volume leaves it to whoever has it, in milliseconds. */
export const QUIET_MS = 300_000

/** How much may be done to get a volume. */
export interface Demand {
  readonly preempt: PreemptPolicy
  /** Somebody asked for it at the command line, and knows what he does. */
  readonly forced: boolean
}

/**
 * How the machine that has a volume stands. `gone`: terminated, or unknown to the platform. `stopping` also while it shuts
 * down for good. `leaving`: it runs, and its attachment is ending already. `running` also while it starts.
 */
export type HolderState = 'gone' | 'stopped' | 'stopping' | 'leaving' | 'running'

/**
 * What is done about a holder. `wait`: its own release, or the platform's, comes first. `detach`: ask the platform to
 * detach it there. `grace`: let it take its time after that was asked. `force`: detach without its consent. `stop`: stop
 * the machine. `stopped`: wait until it is. `refuse`: leave the volume to it.
 */
export type Step = 'wait' | 'detach' | 'grace' | 'force' | 'stop' | 'stopped' | 'refuse'

/** Taking over, as the table of `docs/semantics.md`: who has the volume, and what may be done about that. */
const STEPS: Readonly<Record<HolderState, Readonly<Record<`${PreemptPolicy}`, readonly Step[]>>>> =
  {
    gone: {
      false: ['wait', 'detach'],
      true: ['wait', 'detach'],
      dead: ['wait', 'detach'],
      fence: ['wait', 'detach'],
    },
    stopped: {
      false: ['refuse'],
      true: ['detach'],
      dead: ['detach'],
      fence: ['detach'],
    },
    stopping: {
      false: ['wait', 'refuse'],
      true: ['stopped', 'detach'],
      dead: ['stopped', 'detach'],
      fence: ['stopped', 'detach'],
    },
    leaving: {
      false: ['wait', 'refuse'],
      true: ['grace', 'force'],
      dead: ['wait', 'refuse'],
      fence: ['wait', 'stop', 'stopped', 'detach'],
    },
    running: {
      false: ['wait', 'refuse'],
      true: ['wait', 'detach', 'grace', 'force'],
      dead: ['wait', 'refuse'],
      fence: ['wait', 'stop', 'stopped', 'detach'],
    },
  }

/** What was done about one attachment already. */
export interface Done {
  /** The holder had its time to let go by itself. */
  readonly waited: boolean
  /** The platform was asked to detach it, or does so already. */
  readonly detachAsked: boolean
  /** It had its time to let go after it was asked. */
  readonly graceOver: boolean
  readonly stopAsked: boolean
}

/** The steps by which a volume is taken from such a holder, in their order. */
export function stepsFor(holder: HolderState, policy: PreemptPolicy): readonly Step[] {
  return STEPS[holder][`${policy}`]
}

/** The first step that is not done; undefined when all is done, and only the platform has to follow. */
export function nextStep(steps: readonly Step[], done: Done): Step | undefined {
  const isDone: Readonly<Record<Step, boolean>> = {
    wait: done.waited,
    detach: done.detachAsked,
    grace: done.graceOver,
    force: false,
    stop: done.stopAsked,
    stopped: false,
    refuse: false,
  }
  return steps.find((step) => !isDone[step])
}

/** What the demand comes to against such a holder: while it is quiet, nothing is taken back from one that may write. */
export function policyAgainst(
  holder: HolderState,
  { preempt, forced }: Demand,
  quiet: boolean,
): PreemptPolicy {
  if (forced) return true
  const mayWrite = holder === 'running' || holder === 'leaving'
  return mayWrite && quiet ? false : preempt
}

/** Whether this machine lost the volume, or was last refused it because of that, less than five minutes before `now`. */
export function isQuiet(
  lost: { readonly at: string; readonly refusedAt?: string | undefined } | undefined,
  now: number,
): boolean {
  if (lost === undefined) return false
  return now - Date.parse(lost.refusedAt ?? lost.at) < QUIET_MS
}

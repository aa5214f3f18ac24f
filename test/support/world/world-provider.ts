import {
  FailedPreconditionError,
  NotFoundError,
  TimeoutError,
  UnavailableError,
  volumeNamed,
} from '../../../src/libstorage/errors.ts'
import type {
  CallOptions,
  Provider,
  StorageDriver,
} from '../../../src/libstorage/storage-driver.ts'
import { poll, throwIfAborted, untilAborted } from '../../../src/libstorage/wait.ts'
import type { Chance } from './chance.ts'
import type { Chronicle } from './chronicle.ts'
import type { Life } from './life.ts'
import type { Referee } from './referee.ts'
import type { WorldKernel } from './world-kernel.ts'
import type { WorldPlatform } from './world-platform.ts'

/** How long a driver waits for the platform to have detached, in milliseconds. */
const DETACH_WAIT_MS = 60_000

/** The way between one machine and the platform. */
export class Line {
  /** Nothing gets through before this time. */
  cutUntil = 0
  /** Replies to calls that change something are lost before this time. */
  losesUntil = 0
}

/** What a provider of one process is made from. */
export interface ProviderParts {
  readonly machineId: string
  readonly life: Life
  readonly line: Line
  readonly platform: WorldPlatform
  readonly kernel: WorldKernel
  readonly referee: Referee
  readonly chance: Chance
  readonly chronicle: Chronicle
}

type Call = <T>(what: string, options: CallOptions | undefined, work: () => T) => Promise<T>

/** The platform as one process of one machine sees it: calls take time, may not arrive, and replies may be lost. */
export function worldProvider(parts: ProviderParts): Provider {
  const { machineId, life, platform, kernel, referee } = parts
  return {
    storage: 'block',
    scope: 'global',
    consistency: platform.nature.lagMs === 0 ? 'strong' : 'eventual',
    wishes: new Set(),
    looksLikeId: (text) => text.startsWith('vol-'),
    driver: worldDriver(parts),
    executor: {
      instance: () => life.effect('instance', () => ({ id: machineId })),
      device: ({ volumeId, instanceId }) =>
        life.effect(`device of ${volumeId}`, () =>
          instanceId === machineId ? kernel.deviceOf(volumeId) : undefined,
        ),
    },
  }

  function worldDriver(own: ProviderParts): StorageDriver {
    const ask = caller(own, false)
    const change = caller(own, true)
    return {
      name: 'world',
      volumes: (query = {}, options) =>
        ask(`look-up of ${query.name ?? query.instanceId ?? 'all'}`, options, () =>
          referee.onLook(machineId, platform.look(query)),
        ),
      volume: (id, options) =>
        ask(`look-up of ${id}`, options, () => {
          const [found] = platform.look({}).filter((volume) => volume.id === id)
          if (found === undefined) throw new NotFoundError(volumeNamed(id))
          return referee.onLook(machineId, [found])[0] ?? found
        }),
      createVolume: (spec, options) =>
        change(`create of ${spec.name}`, options, () => platform.create(spec)),
      modifyVolume: (id, { sizeGiB = 0 }, options) =>
        change(`resize of ${id} to ${sizeGiB}`, options, () => platform.resize(id, sizeGiB)),
      removeVolume: (id, options) => change(`remove of ${id}`, options, () => platform.remove(id)),
      attachVolume: (id, to, options) =>
        change(`attach of ${id}`, options, () => platform.attach(id, to)),
      detachVolume: async (id, from, options) => {
        const force = options?.force === true
        const ending = await change(`detach of ${id} from ${from}`, options, () =>
          platform.detach(id, from, force, machineId),
        )
        await options?.accepted?.()
        await untilGone(own, id, ending, options)
      },
      instances: {
        status: (id, options) =>
          ask(`status of ${id}`, options, () => {
            const state = platform.machines.get(id)?.state ?? 'gone'
            referee.onStatus(machineId, id, state)
            return state === 'gone' ? undefined : { id, state }
          }),
        stop: (id, options) =>
          change(`stop of ${id}`, options, () => {
            referee.onStop(machineId, id)
            platform.machines.get(id)?.stop()
          }),
      },
    }
  }
}

async function untilGone(
  { life }: ProviderParts,
  id: string,
  ending: { readonly isOver: boolean },
  options: CallOptions | undefined,
): Promise<void> {
  const isGone = async () => {
    await life.pass('waiting: detach', 0)
    return ending.isOver || undefined
  }
  const gone = await poll(isGone, {
    intervalMs: 500,
    timeoutMs: DETACH_WAIT_MS,
    signal: options?.signal,
  })
  if (gone === undefined)
    throw new TimeoutError({ subject: volumeNamed(id), problem: 'is still detaching' })
}

function caller(parts: ProviderParts, changes: boolean): Call {
  const { machineId, life, line, chance, chronicle } = parts
  const oneWayMs = () => chance.between(5, 150)
  const perform = async <T>(what: string, work: () => T): Promise<T> => {
    await life.pass(`before: ${what}`, oneWayMs())
    const isCut = Date.now() < line.cutUntil
    let outcome: { value: T } | { error: unknown }
    try {
      outcome = isCut ? { error: unreachable() } : { value: work() }
    } catch (error) {
      outcome = { error }
    }
    if (changes) chronicle.say(`${machineId}: ${what}${saidOf(outcome)}`)
    if (changes && !isCut && Date.now() < line.losesUntil) {
      chronicle.say(`platform: the reply to that is lost`)
      outcome = { error: unreachable() }
    }
    await life.pass(`after: ${what}`, oneWayMs())
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }
  return (what, options, work) => {
    throwIfAborted(options?.signal)
    return untilAborted(perform(what, work), options?.signal)
  }
}

function saidOf(outcome: { value: unknown } | { error: unknown }): string {
  if ('value' in outcome) return ''
  const { error } = outcome
  const kind = error instanceof FailedPreconditionError ? 'refused' : 'failed'
  return `: ${kind}, ${error instanceof Error ? error.message : error}`
}

function unreachable(): UnavailableError {
  return new UnavailableError({ subject: 'the platform', problem: 'cannot be reached' })
}

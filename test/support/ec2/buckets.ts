import { ApiError } from './api-error.ts'
import type { Form } from './form.ts'

interface Limit {
  readonly burst: number
  readonly perSecond: number
}

const DESCRIBE: Limit = { burst: 100, perSecond: 20 }
/** Without a filter and without pages. */
const DESCRIBE_ALL: Limit = { burst: 50, perSecond: 10 }
const CHANGE: Limit = { burst: 50, perSecond: 5 }
const OWN: Readonly<Record<string, Limit>> = {
  CreateVolume: { burst: 100, perSecond: 5 },
  DeleteVolume: { burst: 100, perSecond: 5 },
  CreateSnapshot: { burst: 100, perSecond: 5 },
  DeleteSnapshot: { burst: 100, perSecond: 5 },
  CreateTags: { burst: 100, perSecond: 10 },
}

/** The request limits of an account, each API's its own (EC2 Developer Guide, "Request throttling"). */
export class Buckets {
  readonly #levels = new Map<string, { level: number; at: number }>()
  readonly #now: () => number
  /** How much faster than on the real one time goes. */
  readonly #speed: number

  constructor(now: () => number, speed: number) {
    this.#now = now
    this.#speed = speed
  }

  /** Takes one token; throws EC2's refusal where there is none. */
  take(action: string, form: Form): void {
    const { name, limit } = bucketOf(action, form)
    const now = this.#now()
    const known = this.#levels.get(name) ?? { level: limit.burst, at: now }
    const refilled = ((now - known.at) / 1_000) * limit.perSecond * this.#speed
    const level = Math.min(limit.burst, known.level + refilled)
    const isEmpty = level < 1
    this.#levels.set(name, { level: isEmpty ? level : level - 1, at: now })
    if (isEmpty) throw throttled()
  }
}

/** EC2's answer to more requests than it takes. */
export function throttled(): ApiError {
  return new ApiError('RequestLimitExceeded', 'Request limit exceeded.', 503)
}

function bucketOf(action: string, form: Form): { name: string; limit: Limit } {
  if (!action.startsWith('Describe')) return { name: action, limit: OWN[action] ?? CHANGE }
  const isWhole = form.forms('Filter').length === 0 && form.text('MaxResults') === undefined
  return isWhole
    ? { name: `${action} of all`, limit: DESCRIBE_ALL }
    : { name: action, limit: DESCRIBE }
}

import { DescribeVolumesCommand, type Filter, type Volume } from '@aws-sdk/client-ec2'
import type { VolumeId } from '../../libstorage/types.ts'
import { after, untilAborted } from '../../libstorage/wait.ts'
import type { Ec2 } from './ec2.ts'

/** The most values that EC2 takes in one filter. */
const FILTER_VALUES = 200
/** The most volumes in one page. */
const PAGE = 500
/** For how long whoever asks waits for the answer to others, in milliseconds: EC2 answers within a second or two. */
const TOGETHER_MS = 1_000

interface Waiting {
  readonly resolve: (volume: Volume | undefined) => void
  readonly reject: (error: unknown) => void
}

/**
 * Looks volumes up by id with few calls: the first question goes at once, and whoever asks while it is under way shares
 * the next one, which waits for no answer that takes too long. Ids are a filter and not a list, since one unknown id fails
 * a whole list.
 */
export class VolumeLookUps {
  readonly #ec2: Pick<Ec2, 'send'>
  #waiting = new Map<VolumeId, Waiting[]>()
  #isUnderWay = false

  constructor(ec2: Pick<Ec2, 'send'>) {
    this.#ec2 = ec2
  }

  /** The volume as EC2 shows it after this call began; undefined when it shows none. */
  byId(id: VolumeId, signal?: AbortSignal): Promise<Volume | undefined> {
    const asked = new Promise<Volume | undefined>((resolve, reject) => {
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), { resolve, reject }])
    })
    if (!this.#isUnderWay) {
      this.#isUnderWay = true
      queueMicrotask(() => void this.#answerAll())
    }
    return untilAborted(asked, signal)
  }

  /** All volumes that fit the filters, a page of 500 a call. */
  async matching(filters: readonly Filter[], signal?: AbortSignal): Promise<readonly Volume[]> {
    const found: Volume[] = []
    let token: string | undefined
    do {
      const { Volumes = [], NextToken } = await this.#ec2.send(
        new DescribeVolumesCommand({
          ...(filters.length > 0 && { Filters: [...filters] }),
          MaxResults: PAGE,
          ...(token && { NextToken: token }),
        }),
        signal,
      )
      found.push(...Volumes)
      token = NextToken || undefined
    } while (token !== undefined)
    return found
  }

  async #answerAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      const asked = this.#waiting
      this.#waiting = new Map()
      await orAfter(TOGETHER_MS, this.#answer(asked))
    }
    this.#isUnderWay = false
  }

  async #answer(asked: ReadonlyMap<VolumeId, readonly Waiting[]>): Promise<void> {
    const ids = [...asked.keys()]
    const parts = Array.from({ length: Math.ceil(ids.length / FILTER_VALUES) }, (_, part) =>
      ids.slice(part * FILTER_VALUES, (part + 1) * FILTER_VALUES),
    )
    await Promise.all(
      parts.map((part) => {
        const waiting = part.flatMap((id) => (asked.get(id) ?? []).map((one) => ({ id, ...one })))
        return this.#answerPart(part, waiting)
      }),
    )
  }

  async #answerPart(
    part: string[],
    waiting: readonly (Waiting & { readonly id: VolumeId })[],
  ): Promise<void> {
    try {
      const found = await this.matching([{ Name: 'volume-id', Values: part }])
      const byId = new Map(found.map((volume) => [volume.VolumeId ?? '', volume]))
      for (const { id, resolve } of waiting) resolve(byId.get(id))
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }
}

/** Waits for work, but no longer than so many milliseconds. */
function orAfter(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = after(ms, resolve)
    work.then(resolve, reject).finally(() => timer.cancel())
  })
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  AbortedError,
  isStorageError,
  NotFoundError,
  TimeoutError,
  volumeNamed,
} from '../libstorage/errors.ts'
import type { Logger } from '../libstorage/logger.ts'
import { after } from '../libstorage/wait.ts'
import { asItIs, type Wording } from '../mount/linux/outside-paths.ts'
import { errorBody } from './error-response.ts'
import { receive } from './receive.ts'
import { reply } from './reply.ts'
import type { PluginRequest } from './requests.ts'
import type { Answer, Caller, PluginCall } from './routes.ts'

/** How long calls may take before they are answered with an error; the work behind them goes on. */
export interface Deadlines {
  /** Create and Mount. */
  readonly slowMs: number
  /** All others. */
  readonly otherMs: number
}

/** How long past its deadline a driver may take to say in its own words what is still going on. */
const LAST_WORD_MS = 1_000

/** Serves one call over HTTP: receives it, runs it within its deadline, logs it, answers it. */
export function serveCall(
  call: PluginCall,
  logger: Logger,
  deadlines: Deadlines,
  wording: Wording = asItIs,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const deadlineMs = call.slow ? deadlines.slowMs : deadlines.otherMs
  return async (incoming, response) => {
    const received = await receive(call, incoming)
    switch (received.kind) {
      case 'request':
        return perform(call, received.request, response, { logger, deadlineMs, wording })
      case 'refused':
        logger.warn(`plugin ${call.name} refused`, { error: received.message })
        return reply(response, received.status, { Err: received.message })
      case 'unanswerable':
        logger.warn(`plugin ${call.name} broken off`, { error: received.message })
        response.destroy()
        return
      case 'gone':
        logger.debug(`plugin ${call.name} was not received whole`)
    }
  }
}

interface PerformParts {
  readonly logger: Logger
  readonly deadlineMs: number
  readonly wording: Wording
}

async function perform(
  call: PluginCall,
  request: PluginRequest,
  response: ServerResponse,
  { logger, deadlineMs, wording }: PerformParts,
): Promise<void> {
  const begun = performance.now()
  const caller = new WaitingCaller(response, () => callerGone(call, request))
  const facts = () => ({
    ...(request.name === '' ? {} : { volume: request.name }),
    ...(request.holder === '' ? {} : { holder: request.holder.slice(0, 12) }),
    durationMs: Math.round(performance.now() - begun),
    ...(response.destroyed ? { callerGone: true } : {}),
  })
  try {
    const answer = await withinDeadline(call, request, caller, deadlineMs)
    if (call.changes) logger.info(`plugin ${call.name}`, facts())
    else logger.debug(`plugin ${call.name}`, facts)
    reply(response, 200, answer.body, answer.receipt)
  } catch (error) {
    logFailure(call, error, facts(), { logger, wording })
    reply(response, 500, errorBody(call.name, request.name, error, wording))
  }
}

/**
 * Whoever waits for a response. To make a signal and to watch a connection costs as much as all else of a look-up, and is
 * left until somebody asks for the signal.
 */
class WaitingCaller implements Caller {
  readonly #abort = new AbortController()
  readonly #response: ServerResponse
  readonly #goneReason: () => Error
  #isWatched = false

  constructor(response: ServerResponse, goneReason: () => Error) {
    this.#response = response
    this.#goneReason = goneReason
  }

  get signal(): AbortSignal {
    if (!this.#isWatched) this.#watch()
    return this.#abort.signal
  }

  giveUp(reason: Error): void {
    this.#abort.abort(reason)
  }

  #watch(): void {
    this.#isWatched = true
    const onGone = () => {
      if (!this.#response.writableFinished) this.giveUp(this.#goneReason())
    }
    if (this.#response.destroyed) onGone()
    else this.#response.on('close', onGone)
  }
}

function withinDeadline(
  call: PluginCall,
  request: PluginRequest,
  caller: WaitingCaller,
  deadlineMs: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let over = false
    let timer = after(deadlineMs, () => {
      const reason = tooSlow(call, request, deadlineMs)
      caller.giveUp(reason)
      timer = after(LAST_WORD_MS, () => {
        over = true
        reject(reason)
      })
    })
    const settle = (answer: Answer) => {
      if (over) answer.receipt?.undelivered()
      else resolve(answer)
    }
    call
      .run(request, caller)
      .then(settle, reject)
      .finally(() => timer.cancel())
  })
}

function subjectOf(call: PluginCall, { name }: PluginRequest): string {
  return name === '' ? call.name : `${call.name} of ${volumeNamed(name)}`
}

function tooSlow(call: PluginCall, request: PluginRequest, deadlineMs: number): TimeoutError {
  return new TimeoutError({
    subject: subjectOf(call, request),
    problem: `is not done after ${deadlineMs / 1000} s`,
    remedy: 'try again: what is under way goes on',
  })
}

function callerGone(call: PluginCall, request: PluginRequest): AbortedError {
  return new AbortedError({
    subject: subjectOf(call, request),
    problem: 'was given up by its caller',
  })
}

/** Docker never shows the errors of Get and List, so that the log is the only place to find them. */
function logFailure(
  call: PluginCall,
  error: unknown,
  facts: Readonly<Record<string, unknown>>,
  { logger, wording }: Pick<PerformParts, 'logger' | 'wording'>,
): void {
  if (!isStorageError(error)) {
    const stack = error instanceof Error ? error.stack : String(error)
    logger.error(`plugin ${call.name} failed by a bug`, { ...facts, stack })
    return
  }
  const expected =
    (call.name === 'Get' && error instanceof NotFoundError) ||
    (!call.changes && error instanceof AbortedError)
  const cause = error.cause instanceof Error ? { cause: error.cause.message } : {}
  logger[expected ? 'debug' : 'warn'](`plugin ${call.name} failed`, {
    ...facts,
    error: wording(error.message),
    code: error.code,
    ...cause,
  })
}

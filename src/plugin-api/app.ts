import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import type { Logger } from '../libstorage/logger.ts'
import type { IntegrationDriver } from '../mount/integration-driver.ts'
import { asItIs, type Wording } from '../mount/linux/outside-paths.ts'
import { type CommandAnswers, commandCalls } from './command-calls.ts'
import { reply } from './reply.ts'
import { readBody } from './request-body.ts'
import { pluginCalls } from './routes.ts'
import { type Deadlines, serveCall } from './serve-call.ts'

/** What the plugin API is made of. */
export interface PluginAppParts {
  readonly volumes: IntegrationDriver
  readonly logger: Logger
  /** Answers to commands of this program, for a socket that only its user may use; absent where there are none. */
  readonly answers?: CommandAnswers
  /** Inside Docker's own 120 s and 60 s unless given; a managed plugin has 30 s for everything. */
  readonly deadlines?: Deadlines
  /** How errors are told to callers and to the log; as they are unless given. */
  readonly wording?: Wording
}

/** Docker waits 120 s for a Create or Mount of a plugin that it finds by its socket, and 60 s for all else. */
const DOCKER_WAITS_MS = 120_000
const OTHER_MS = 55_000

/** The deadlines inside the time that callers wait for a Create or Mount, in milliseconds. */
export function deadlinesWithin(waitMs: number): Deadlines {
  const slowMs = waitMs - Math.min(10_000, Math.max(2_000, waitMs / 6))
  return { slowMs, otherMs: Math.min(OTHER_MS, slowMs) }
}

/**
 * The Docker volume plugin API as an express application. Success is exactly 200 with a JSON object, every failure a JSON
 * object with `Err`, and every reply ends its connection.
 */
export function createPluginApp({
  volumes,
  logger,
  answers,
  deadlines = deadlinesWithin(DOCKER_WAITS_MS),
  wording = asItIs,
}: PluginAppParts): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.enable('case sensitive routing')
  app.enable('strict routing')
  for (const call of [...pluginCalls(volumes), ...(answers ? commandCalls(answers) : [])]) {
    app
      .route(call.path)
      .post(serveCall(call, logger, deadlines, wording))
      .all(wrongMethod)
  }
  app.use(unknownPath)
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const stack = error instanceof Error ? error.stack : String(error)
    logger.error('plugin request failed by a bug', { stack })
    reply(response, 500, { Err: 'internal error, see the log of the plugin' })
  })
  return app
}

async function wrongMethod(request: Request, response: Response): Promise<void> {
  await readBody(request)
  response.setHeader('Allow', 'POST')
  reply(response, 405, { Err: `${request.method} ${request.path} is not served, use POST` })
}

async function unknownPath(request: Request, response: Response): Promise<void> {
  await readBody(request)
  reply(response, 404, { Err: `${request.path} is not part of the volume plugin API` })
}

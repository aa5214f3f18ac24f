import { once } from 'node:events'
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import type { Express } from 'express'
import type { Logger } from '../libstorage/logger.ts'
import { poll } from '../libstorage/wait.ts'
import { createExpressServer } from './express-server.ts'
import { listen } from './listen.ts'
import { type ListenAddress, parseListenAddress } from './listen-address.ts'
import { listenFailure } from './listen-failure.ts'
import { OpenRequests } from './open-requests.ts'
import { MEDIA_TYPE } from './reply.ts'
import { listenOnSocketFile, type SocketFile } from './unix-socket.ts'

/** What a plugin server is made of. */
export interface PluginServerParts {
  /** `unix:///path`, `/path` or `tcp://host:port`; port 0 takes a free one. */
  readonly host: string
  readonly app: Express
  readonly logger: Logger
  /** How long `close` waits for requests under way; 120 s, as Docker does, unless given. */
  readonly finishMs?: number
  /** How long `close` waits for callers that have dialled and say nothing; 200 ms unless given. */
  readonly drainMs?: number
}

/** A server that is listening. */
export interface PluginServer {
  /** Where, in the form of `host`, with the port that was taken. */
  readonly address: string
  /**
   * Ends without losing a call: takes the socket file away, serves who had dialled it already, stops listening, waits for
   * the requests under way. Closing twice is closing once.
   */
  close(): Promise<void>
}

/** Callers who had dialled before the socket file went away have said what they want within this time, most at once. */
const DRAIN_MS = 200
/** How often it is looked whether all were heard, in milliseconds. */
const LOOK_MS = 4
/** When nobody is silent in so many looks one after the other, the kernel has no more callers that wait to be accepted. */
const LOOKS = 4
const FINISH_MS = 120_000

/**
 * Serves the plugin API. Rejects with `FailedPreconditionError` where another server answers or something else is in the
 * way, with `InvalidArgumentError` for a host it cannot understand.
 */
export async function startPluginServer(parts: PluginServerParts): Promise<PluginServer> {
  const { host, logger, finishMs = FINISH_MS, drainMs = DRAIN_MS } = parts
  const where = parseListenAddress(host)
  const requests = new OpenRequests()
  const server = createHttpServer(parts, requests)
  const socketFile = await listenAt(server, where, host)
  server.on('error', (error) =>
    logger.error('plugin server cannot accept', { error: error.message }),
  )
  const address = addressOf(server, where)
  logger.info('plugin server listens', { address })

  const close = async () => {
    await socketFile?.withdraw()
    await heardAll(server, requests, drainMs)
    const closed = once(server, 'close')
    server.close()
    const left = await requests.none(finishMs)
    if (left > 0)
      logger.warn('plugin server gives up requests under way', { address, requests: left })
    server.closeAllConnections()
    await closed
    logger.info('plugin server closed', { address })
  }
  let closing: Promise<void> | undefined
  return {
    address,
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

/**
 * One request for each connection and no time limit on silent ones: a server that closes a connection while its client
 * starts to use it makes Docker repeat the call without its body.
 */
function createHttpServer({ app, logger }: PluginServerParts, requests: OpenRequests): Server {
  const options = {
    requireHostHeader: false,
    headersTimeout: 0,
    requestTimeout: 0,
    keepAlive: true,
  }
  const server = createExpressServer(app, options)
  server.on('request', (request, response) => requests.add(request, response))
  server.keepAliveTimeout = 0
  server.maxRequestsPerSocket = 1
  server.on('clientError', (error, socket) => {
    // What follows a request on its connection is not answered, so that it cannot be wrong either.
    const isBehindRequest = requests.on(socket)?.complete === true
    if (isBehindRequest && !socket.readableEnded) return
    logger.debug('plugin server cannot read a request', { error: error.message })
    if (isBehindRequest || !socket.writable) socket.destroy()
    else refuse(socket)
  })
  return server
}

/** Resolves when all who have dialled have said what they want, or after so long. */
async function heardAll(server: Server, requests: OpenRequests, timeoutMs: number): Promise<void> {
  const countConnections = promisify(server.getConnections.bind(server))
  let looks = 0
  const look = async () => {
    const isHeard = (await countConnections()) <= requests.size
    looks = isHeard ? looks + 1 : 0
    return looks === LOOKS ? true : undefined
  }
  await poll(look, { intervalMs: LOOK_MS, timeoutMs })
}

function refuse(socket: Duplex): void {
  const body = JSON.stringify({ Err: 'the request is not HTTP/1.1' })
  const head = [
    'HTTP/1.1 400 Bad Request',
    `Content-Type: ${MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

async function listenAt(
  server: Server,
  where: ListenAddress,
  host: string,
): Promise<SocketFile | undefined> {
  try {
    if (where.kind === 'unix') return await listenOnSocketFile(server, where.path)
    await listen(server, {
      port: where.port,
      ...(where.host === undefined ? {} : { host: where.host }),
    })
    return undefined
  } catch (error) {
    throw listenFailure(host, error)
  }
}

function addressOf(server: Server, where: ListenAddress): string {
  if (where.kind === 'unix') return `unix://${where.path}`
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('a tcp server has no port')
  const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address
  return `tcp://${host}:${bound.port}`
}

import type { ServerResponse } from 'node:http'
import type { MountedVolume } from '../mount/integration-driver.ts'

/** What Docker has called the API's media type since 1.10. */
export const MEDIA_TYPE = 'application/vnd.docker.plugins.v1.2+json'

/** Who wants to know whether the client got its answer. */
export type Receipt = Pick<MountedVolume, 'delivered' | 'undelivered'>

/**
 * Answers once, with a JSON object, and ends the connection: Docker loses calls on connections that a server closes while
 * they are idle. The receipt is told exactly once whether the answer was fully written.
 */
export function reply(
  response: ServerResponse,
  status: number,
  body: object,
  receipt?: Receipt,
): void {
  if (response.destroyed || response.writableEnded) {
    receipt?.undelivered()
    return
  }
  if (receipt !== undefined) tellWhenKnown(response, receipt)
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'Content-Type': MEDIA_TYPE,
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
  })
  response.end(text)
}

/** Node says `finish` also when the kernel refused the bytes (EPIPE); the connection's own error tells the two apart. */
function tellWhenKnown(response: ServerResponse, receipt: Receipt): void {
  const { socket } = response.req
  response.on('close', () => {
    if (response.writableFinished && socket.errored === null) receipt.delivered()
    else receipt.undelivered()
  })
}

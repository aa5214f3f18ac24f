import type { IncomingMessage } from 'node:http'

/** The longest body that is read. Docker's longest are options, which fit a command line. */
export const BODY_LIMIT_BYTES = 1024 * 1024

/** How the reading of a body ended. */
export type Body =
  | { readonly outcome: 'read'; readonly text: string }
  | { readonly outcome: 'too long' }
  | { readonly outcome: 'gone' }

/**
 * Reads a body to its end as text, whatever its `Content-Type` says: Docker sends none. One that is too long is received
 * and dropped, so that its sender is there to read the answer; `gone` means that the client left in the middle.
 */
export function readBody(request: IncomingMessage): Promise<Body> {
  return new Promise((resolve) => {
    let text = ''
    let length = 0
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      length += Buffer.byteLength(chunk)
      if (length <= BODY_LIMIT_BYTES) text += chunk
      else text = ''
    })
    request.on('end', () => {
      if (length > BODY_LIMIT_BYTES) resolve({ outcome: 'too long' })
      else resolve({ outcome: 'read', text })
    })
    // What a message that breaks off emits to those who listen, and a whole one does not.
    request.on('error', () => resolve({ outcome: 'gone' }))
  })
}

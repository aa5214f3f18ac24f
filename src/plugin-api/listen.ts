import type { ListenOptions, Server } from 'node:net'

/** Connections that may wait to be accepted: Linux's own limit, since a full queue refuses callers. */
const BACKLOG = 4096

/** Listens. Rejects with the system's error. */
export function listen(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...where, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

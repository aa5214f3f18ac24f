import { type ChildProcess, spawn } from 'node:child_process'
import { connect, type Server, type Socket } from 'node:net'

/** Opens the port in whatever network it runs in, and hands it to its parent. */
const OPEN = `
const server = require('node:net').createServer()
server.listen(Number(process.argv[1]), '127.0.0.1', () => process.send('open', server))
`

/** A port of 127.0.0.1 in another network namespace behind which is the same port of this one. */
export class Door {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, port: number) {
    this.#server = server
    server.on('connection', (inside) => this.#pass(inside, connect(port, '127.0.0.1')))
  }

  /** `close` must be called however the test ends. Rejects when the port is taken there. */
  static async open(pid: number, port: number): Promise<Door> {
    const enter = ['-t', String(pid), '-n', process.execPath, '-e', OPEN, String(port)]
    const child = spawn('nsenter', enter, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    return new Door(await serverOf(child), port)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #pass(inside: Socket, outside: Socket): void {
    for (const [socket, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      this.#sockets.add(socket)
      socket.pipe(other)
      // Either end breaking is the end of both, as it would be without a door.
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
  }
}

/** Resolves when the child, which would take connections too, is gone. */
async function serverOf(child: ChildProcess): Promise<Server> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const server = await new Promise<Server>((resolve, reject) => {
    child.once('message', (_message, handle) => resolve(handle as Server))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`a port cannot be opened: ${code}`)))
  })
  child.kill('SIGKILL')
  await ended
  return server
}

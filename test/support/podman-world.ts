import { startCountedServer, startServerBehind } from './counted-server.ts'
import { expectNothingLeft } from './leftovers.ts'
import { Machine } from './machine.ts'
import type { PluginProxy } from './plugin-proxy.ts'
import { Podman } from './podman.ts'
import type { ServerProcess } from './server-process.ts'

/** A machine with Podman, a server, and a proxy between them. */
export class PodmanWorld {
  readonly machine: Machine
  readonly podman: Podman
  readonly proxy: PluginProxy
  server: ServerProcess

  private constructor(machine: Machine, proxy: PluginProxy, server: ServerProcess) {
    this.machine = machine
    this.podman = new Podman(machine)
    this.proxy = proxy
    this.server = server
  }

  /** Starts one; `end` must be called however the test ends. */
  static async start(): Promise<PodmanWorld> {
    const machine = await Machine.start()
    try {
      const { server, proxy } = await startCountedServer(machine, 'libstorage: {service: loop}')
      const world = new PodmanWorld(machine, proxy, server)
      await world.podman.importImage()
      return world
    } catch (error) {
      await machine.end()
      throw error
    }
  }

  async end(): Promise<void> {
    await this.machine.end()
    await this.proxy.close()
  }

  /** Starts the server anew, once it has ended. */
  async restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.server = await startServerBehind(this.machine, { env })
  }

  /** Makes a volume of 1 GiB. */
  create(name: string, ...flags: readonly string[]): Promise<string> {
    const options = ['--driver', 'rexray', '--opt', 'size=1', ...flags]
    return this.podman.podman('volume', 'create', ...options, name)
  }

  /** Removes a volume; nothing may be left then. */
  async remove(name: string): Promise<void> {
    await this.podman.podman('volume', 'rm', name)
    await expectNothingLeft(this.machine)
  }
}

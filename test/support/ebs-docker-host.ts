import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { silentLogger } from '../../src/libstorage/logger.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import type { MountSettings } from '../../src/mount/settings.ts'
import { createPluginApp } from '../../src/plugin-api/app.ts'
import type { Deadlines } from '../../src/plugin-api/serve-call.ts'
import { type PluginServer, startPluginServer } from '../../src/plugin-api/server.ts'
import { DockerClient } from './docker-client.ts'
import { EbsMountMachine } from './ebs-mount-world.ts'
import type { EbsWorld } from './ebs-world.ts'
import type { SimMachine } from './ec2/simulator.ts'
import type { MemoryDisks } from './memory-kernel.ts'

/** What the plugin answered a call: its fields, or its error. */
export interface Answer {
  readonly status: number
  readonly Err: string
  readonly Mountpoint: string
}

/** An instance of the simulated region with a plugin server on a socket, and dockerd's calls to that. */
export class EbsDockerHost extends EbsMountMachine {
  readonly #socket = path.join(mkdtempSync(path.join(tmpdir(), 'remora-host-')), 'rexray.sock')
  #manager: MountManager | undefined
  #server: PluginServer | undefined

  static async start(
    world: EbsWorld,
    instance: SimMachine,
    disks: MemoryDisks,
  ): Promise<EbsDockerHost> {
    const host = new EbsDockerHost(world, instance, disks)
    await host.serve()
    return host
  }

  /** Serves from now on with these settings; what served before has ended as a process that is told to. */
  async serve(changed: Partial<MountSettings> = {}, deadlines?: Deadlines): Promise<void> {
    await this.#stop()
    const volumes = await this.manager(changed)
    volumes.start()
    this.#manager = volumes
    const app = createPluginApp({ volumes, logger: silentLogger, ...(deadlines && { deadlines }) })
    const host = `unix://${this.#socket}`
    const parts = { host, app, logger: silentLogger, drainMs: 0, finishMs: 5_000 }
    this.#server = await startPluginServer(parts)
  }

  /** The manager behind the socket, for what the plugin's protocol has no word for. */
  get volumes(): MountManager {
    if (this.#manager === undefined) throw new Error('nothing is served')
    return this.#manager
  }

  /** `docker volume create data`, as dockerd asks for it. */
  async create(): Promise<Answer> {
    await this.call('Get')
    return await this.call('Create', { Opts: { size: '1' } })
  }

  /** A container that uses `data` starts: its id is such a letter 64 times. */
  async mount(letter: string): Promise<Answer> {
    await this.call('Get')
    return await this.call('Mount', { ID: letter.repeat(64) })
  }

  unmount(letter: string): Promise<Answer> {
    return this.call('Unmount', { ID: letter.repeat(64) })
  }

  /** One call about `data`. */
  async call(call: string, fields: object = {}): Promise<Answer> {
    const client = new DockerClient({ path: this.#socket }, 'dockerd 28')
    const { status, json } = await client.call(call, { Name: 'data', ...fields })
    return { Err: '', Mountpoint: '', ...(json as object), status }
  }

  async end(): Promise<void> {
    await this.#stop()
    rmSync(path.dirname(this.#socket), { recursive: true, force: true })
  }

  async #stop(): Promise<void> {
    await this.#server?.close()
    await this.#manager?.close()
    this.#server = undefined
    this.#manager = undefined
  }
}

import type { LoadedConfig } from '../../config/load.ts'
import { NotFoundError } from '../../libstorage/errors.ts'
import { timeLimit } from '../../libstorage/wait.ts'
import type { PluginAddress } from '../dvdcli/discovery.ts'
import { exchange } from '../dvdcli/exchange.ts'
import { readReply } from '../dvdcli/plugin-reply.ts'
import type { PodMount } from './pod-mounts.ts'

/** Longer than the server lets a Mount take, in milliseconds. */
const LIMIT_MS = 120_000

/** The volumes that the running server mounts for holders, as for an engine's containers. */
export class ServerVolumes {
  readonly #config: Pick<LoadedConfig, 'modules' | 'defaultService'>

  constructor(config: Pick<LoadedConfig, 'modules' | 'defaultService'>) {
    this.#config = config
  }

  /** Throws `NotFoundError` where no socket offers the service. */
  requireServed(service: string | undefined): void {
    this.#addressOf(service)
  }

  /** Mounts a volume for its holder, and resolves with where. Rejects with the server's own words where it refuses. */
  async mount(wanted: PodMount): Promise<string> {
    return (await this.#ask('Mount', wanted)).mountpoint
  }

  /** Lets go of a volume; a holder that has it not is a success. */
  async unmount(had: PodMount): Promise<void> {
    await this.#ask('Unmount', had)
  }

  async #ask(call: 'Mount' | 'Unmount', { volume, holder, service }: PodMount) {
    const { status, text } = await exchange(this.#addressOf(service), {
      call: `VolumeDriver.${call}`,
      body: `${JSON.stringify({ Name: volume, ID: holder })}\n`,
      signal: timeLimit(LIMIT_MS),
    })
    return readReply(status, text)
  }

  #addressOf(service: string | undefined): PluginAddress {
    const { modules, defaultService } = this.#config
    const wanted = service?.toLowerCase() ?? defaultService
    const module = modules.find((one) => (one.service ?? defaultService) === wanted)
    if (module === undefined) throw new NotFoundError(`a module for service "${wanted}"`)
    const { protocol, hostname, port, pathname } = new URL(module.host)
    if (protocol === 'unix:') return { kind: 'unix', socketPath: decodeURIComponent(pathname) }
    return { kind: 'http', host: hostname, port: Number(port), tls: { rejectUnauthorized: true } }
  }
}

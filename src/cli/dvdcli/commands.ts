import { FailedPreconditionError, InvalidArgumentError } from '../../libstorage/errors.ts'
import type { DvdcliRequest } from './arguments.ts'
import type { PluginClient } from './plugin-client.ts'
import { type NamedVolume, RefusedError } from './plugin-reply.ts'

/** What one command did: the lines for stdout, and those that are only logged. */
export interface Outcome {
  readonly printed: readonly string[]
  readonly logged: readonly string[]
}

/** A command that asks a plugin for something. */
export type PluginCommand = Exclude<DvdcliRequest['command'], 'version' | 'help'>

type Work = (plugin: PluginClient, request: DvdcliRequest) => Promise<Outcome>

const NOTHING: Outcome = { printed: [], logged: [] }

/** What each command asks of the plugin, and what it prints: those of dvdcli 0.2. No Mount has an id. */
const WORK: Readonly<Record<PluginCommand, Work>> = {
  async create(plugin, { volume, options }) {
    await plugin.call('VolumeDriver.Create', { Name: volume, Opts: options })
    return { printed: [], logged: [volume] }
  },
  async remove(plugin, { volume }) {
    await get(plugin, volume)
    await plugin.call('VolumeDriver.Remove', { Name: volume })
    return NOTHING
  },
  async mount(plugin, { volume, options, explicitCreate }) {
    try {
      await get(plugin, volume)
    } catch (error) {
      if (explicitCreate || !(error instanceof RefusedError)) throw error
      await plugin.call('VolumeDriver.Create', { Name: volume, Opts: options })
    }
    const { mountpoint } = await plugin.call('VolumeDriver.Mount', { Name: volume })
    if (mountpoint !== '') return path(mountpoint)
    throw new FailedPreconditionError({
      subject: `volume ${JSON.stringify(volume)}`,
      problem: 'was mounted by the plugin, which did not say where',
      remedy: 'see its log',
    })
  },
  async unmount(plugin, { volume }) {
    await get(plugin, volume)
    await plugin.call('VolumeDriver.Unmount', { Name: volume })
    return NOTHING
  },
  async path(plugin, { volume }) {
    const known = (await get(plugin, volume)).mountpoint
    if (known !== '') return path(known)
    const { mountpoint } = await plugin.call('VolumeDriver.Path', { Name: volume })
    return mountpoint === '' ? NOTHING : path(mountpoint)
  },
  async get(plugin, { volume }) {
    return { printed: [(await get(plugin, volume)).name || volume], logged: [] }
  },
  async list(plugin) {
    const { volumes } = await plugin.call('VolumeDriver.List', {})
    return { printed: volumes.map(({ name }) => name), logged: [] }
  },
}

/** Does what is asked for. Throws `InvalidArgumentError` where the name of the volume is missing, before anything is asked. */
export async function runCommand(
  plugin: PluginClient,
  request: DvdcliRequest & { command: PluginCommand },
): Promise<Outcome> {
  if (request.command !== 'list' && request.volume === '')
    throw new InvalidArgumentError({
      subject: 'the volume',
      problem: 'has no name',
      remedy: 'say --volumename=NAME',
    })
  await plugin.activate()
  return await WORK[request.command](plugin, request)
}

/** The path is printed for the caller and logged for whoever reads its log. */
function path(mountpoint: string): Outcome {
  return { printed: [mountpoint], logged: [mountpoint] }
}

/** A reply without a volume means that there is none, as to Docker's engine. */
async function get(plugin: PluginClient, name: string): Promise<NamedVolume> {
  const { volume } = await plugin.call('VolumeDriver.Get', { Name: name })
  if (volume !== undefined) return volume
  throw new RefusedError('no such volume')
}

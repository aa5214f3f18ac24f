import { FailedPreconditionError, InvalidArgumentError } from '../../libstorage/errors.ts'
import type { DvdcliRequest } from './arguments.ts'
import { type PluginClient, type PluginReply, RefusedError } from './plugin-client.ts'

type Work = (plugin: PluginClient, request: DvdcliRequest) => Promise<readonly string[]>

/** What each command asks of the plugin, and the lines that it prints: those of dvdcli 0.2. No Mount has an id. */
const WORK: Readonly<Record<Exclude<DvdcliRequest['command'], 'version' | 'help'>, Work>> = {
  async create(plugin, { volume, options }) {
    await plugin.call('VolumeDriver.Create', { Name: volume, Opts: options })
    return []
  },
  async remove(plugin, { volume }) {
    await get(plugin, volume)
    await plugin.call('VolumeDriver.Remove', { Name: volume })
    return []
  },
  async mount(plugin, { volume, options, explicitCreate }) {
    try {
      await get(plugin, volume)
    } catch (error) {
      if (explicitCreate || !(error instanceof RefusedError)) throw error
      await plugin.call('VolumeDriver.Create', { Name: volume, Opts: options })
    }
    const { Mountpoint = '' } = await plugin.call('VolumeDriver.Mount', { Name: volume })
    if (Mountpoint !== '') return [Mountpoint]
    throw new FailedPreconditionError({
      subject: `volume ${JSON.stringify(volume)}`,
      problem: 'was mounted by the plugin, which did not say where',
      remedy: 'see its log',
    })
  },
  async unmount(plugin, { volume }) {
    await get(plugin, volume)
    await plugin.call('VolumeDriver.Unmount', { Name: volume })
    return []
  },
  async path(plugin, { volume }) {
    const { Mountpoint: known = '' } = await get(plugin, volume)
    if (known !== '') return [known]
    const { Mountpoint = '' } = await plugin.call('VolumeDriver.Path', { Name: volume })
    return Mountpoint === '' ? [] : [Mountpoint]
  },
  async get(plugin, { volume }) {
    const { Name = volume } = await get(plugin, volume)
    return [Name]
  },
  async list(plugin) {
    const { Volumes } = await plugin.call('VolumeDriver.List', {})
    return (Volumes ?? []).map(({ Name = '' }) => Name)
  },
}

/** Does what is asked for, and resolves with the lines for stdout. */
export async function runCommand(
  plugin: PluginClient,
  request: DvdcliRequest & { command: keyof typeof WORK },
): Promise<readonly string[]> {
  if (request.command !== 'list' && request.volume === '')
    throw new InvalidArgumentError({
      subject: 'the volume',
      problem: 'has no name',
      remedy: 'say --volumename=NAME',
    })
  await plugin.activate()
  return await WORK[request.command](plugin, request)
}

async function get(
  plugin: PluginClient,
  volume: string,
): Promise<NonNullable<PluginReply['Volume']>> {
  const { Volume } = await plugin.call('VolumeDriver.Get', { Name: volume })
  return Volume ?? {}
}

import type { IntegrationDriver } from '../mount/integration-driver.ts'
import type { Receipt } from './reply.ts'
import {
  createRequest,
  emptyRequest,
  holderRequest,
  nameRequest,
  type PluginRequest,
  type RequestSchema,
} from './requests.ts'
import { checkedMountpoint, volumeEntry } from './status.ts'

/** What a call that succeeded says, and who wants to know whether it arrived. */
export interface Answer {
  readonly body: object
  readonly receipt?: Receipt
}

/** Who waits for the answer. The signal is made when it is asked for: most look-ups end before they need one. */
export interface Caller {
  /** Aborted when the caller went away or its deadline passed. */
  readonly signal: AbortSignal
}

/** One call of the Docker volume plugin API. */
export interface PluginCall {
  /** As messages and the log name it: `Mount`. */
  readonly name: string
  readonly path: string
  readonly schema: RequestSchema
  /** Whether the call means nothing without a volume's name. */
  readonly needsName: boolean
  /** Whether it changes something, which is worth a line at info. */
  readonly changes: boolean
  /** Whether it may take as long as an attach and an mkfs: Docker waits 120 s for these, 60 s for the others. */
  readonly slow: boolean
  run(request: PluginRequest, caller: Caller): Promise<Answer>
}

/** The nine calls, those that come most often first. */
export function pluginCalls(volumes: IntegrationDriver): readonly PluginCall[] {
  return [...lookUps(volumes), ...changes(volumes)]
}

const done: Answer = { body: { Err: '' } }
const lookUp = { needsName: true, changes: false, slow: false }
const question = { needsName: false, changes: false, slow: false, schema: emptyRequest }
const change = { needsName: true, changes: true, slow: false }

function lookUps(volumes: IntegrationDriver): PluginCall[] {
  return [
    volumeCall('Get', { ...lookUp, schema: nameRequest }, async ({ name }, caller) => ({
      body: { Volume: volumeEntry(name, await volumes.get(name, caller)), Err: '' },
    })),
    volumeCall('Capabilities', question, async () => ({
      body: { Capabilities: { Scope: volumes.scope } },
    })),
    volumeCall('List', question, async (_request, caller) => {
      const views = await volumes.list(caller)
      const named = views.filter(({ volume }) => volume.name !== '')
      return {
        body: { Volumes: named.map((view) => volumeEntry(view.volume.name, view)), Err: '' },
      }
    }),
    volumeCall('Path', { ...lookUp, schema: nameRequest }, async ({ name }, caller) => {
      const path = await volumes.path(name, caller)
      return { body: { Mountpoint: path === undefined ? '' : checkedMountpoint(path), Err: '' } }
    }),
    {
      ...question,
      name: 'Activate',
      path: '/Plugin.Activate',
      run: async () => ({ body: { Implements: ['VolumeDriver'] } }),
    },
  ]
}

function changes(volumes: IntegrationDriver): PluginCall[] {
  return [
    volumeCall('Mount', { ...change, slow: true, schema: holderRequest }, (request, { signal }) =>
      mount(volumes, request, signal),
    ),
    volumeCall('Unmount', { ...change, schema: holderRequest }, async (request, { signal }) => {
      await volumes.unmount({ name: request.name, holder: request.holder }, { signal })
      return done
    }),
    volumeCall(
      'Create',
      { ...change, slow: true, schema: createRequest },
      async (request, { signal }) => {
        await volumes.create(request.name, request.options, { signal })
        return done
      },
    ),
    volumeCall('Remove', { ...change, schema: nameRequest }, async ({ name }, { signal }) => {
      await volumes.remove(name, { signal })
      return done
    }),
  ]
}

async function mount(
  volumes: IntegrationDriver,
  { name, holder }: PluginRequest,
  signal: AbortSignal,
): Promise<Answer> {
  const mounted = await volumes.mount({ name, holder }, { signal })
  try {
    return {
      body: { Mountpoint: checkedMountpoint(mounted.mountpoint), Err: '' },
      receipt: mounted,
    }
  } catch (error) {
    mounted.undelivered()
    throw error
  }
}

function volumeCall(
  name: string,
  traits: Omit<PluginCall, 'name' | 'path' | 'run'>,
  run: PluginCall['run'],
): PluginCall {
  return { ...traits, name, path: `/VolumeDriver.${name}`, run }
}

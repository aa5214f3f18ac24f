import { readFileSync } from 'node:fs'
import { z } from 'zod'

const named = z.object({ name: z.string(), description: z.string().min(1) })

/** config.json of a managed plugin, as far as the engine reads it (https://docs.docker.com/engine/extend/config/). */
const pluginConfigSchema = z.strictObject({
  description: z.string(),
  documentation: z.string(),
  entrypoint: z.array(z.string()),
  interface: z.strictObject({ socket: z.string(), types: z.array(z.string()) }),
  network: z.strictObject({ type: z.string() }),
  pidhost: z.boolean(),
  propagatedMount: z.string(),
  linux: z.strictObject({ allowAllDevices: z.boolean(), capabilities: z.array(z.string()) }),
  mounts: z.array(
    z.strictObject({
      ...named.shape,
      type: z.string(),
      source: z.string(),
      destination: z.string(),
      options: z.array(z.string()),
      settable: z.array(z.string()).optional(),
    }),
  ),
  env: z.array(
    z.strictObject({ ...named.shape, value: z.string(), settable: z.array(z.string()) }),
  ),
})

/** The project's config.json. */
export const pluginConfig = pluginConfigSchema.parse(
  JSON.parse(readFileSync(new URL('../../docker-plugin/config.json', import.meta.url), 'utf8')),
)

/** A setting of a managed plugin, with its default. */
export interface PluginSetting {
  readonly name: string
  readonly value: string
}

/** config.json of the plugin rexray/ebs, as its last versions had it. */
export function rexrayConfig(): Omit<z.input<typeof pluginConfigSchema>, 'pidhost'> {
  return {
    description: 'REX-Ray for Amazon EBS',
    documentation: 'https://github.com/thecodeteam/rexray/.docker/plugins',
    entrypoint: ['/rexray.sh', 'rexray', 'start', '-f', '--nopid'],
    interface: { socket: 'rexray.sock', types: ['docker.volumedriver/1.0'] },
    network: { type: 'host' },
    propagatedMount: '/var/lib/rexray',
    linux: { allowAllDevices: true, capabilities: ['CAP_SYS_ADMIN'] },
    mounts: [
      {
        ...{ name: 'dev', description: 'devices', type: 'bind', options: ['rbind'] },
        ...{ source: '/dev', destination: '/dev' },
      },
    ],
    env: rexraySettings().map((setting) => ({
      ...setting,
      description: setting.name,
      settable: ['value'],
    })),
  }
}

/** Every setting that the plugin rexray/ebs has, in the order of its config.json, with the default that it has there. */
export function rexraySettings(): readonly PluginSetting[] {
  return REXRAY.trim()
    .split('\n')
    .map((line) => line.trim().split('='))
    .map(([name = '', value = '']) => ({ name, value }))
}

const REXRAY = `
  DOCKER_LEGACY=true
  REXRAY_FSTYPE=ext4
  REXRAY_LOGLEVEL=warn
  REXRAY_PREEMPT=false
  HTTP_PROXY=
  LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS_MOUNT_ROOTPATH=
  LINUX_VOLUME_ROOTPATH=
  LINUX_VOLUME_FILEMODE=
  EBS_ACCESSKEY=
  EBS_SECRETKEY=
  EBS_REGION=us-east-1
  EBS_ENDPOINT=
  EBS_KMSKEYID=
  EBS_MAXRETRIES=
  EBS_STATUSINITIALDELAY=
  EBS_STATUSMAXATTEMPTS=
  EBS_STATUSTIMEOUT=
  EBS_USELARGEDEVICERANGE=
  CSI_ENDPOINT=
  X_CSI_DRIVER=
  X_CSI_NATIVE=
`

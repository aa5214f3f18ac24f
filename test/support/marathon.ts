import type { TaskVolume } from './mesos-agent.ts'

/** An app of Marathon, as far as its external volumes go. */
export interface MarathonApp {
  readonly id: string
  readonly cmd?: string
  readonly instances: number
  readonly container: {
    readonly type: 'MESOS' | 'DOCKER'
    readonly volumes: readonly MarathonVolume[]
  }
  readonly upgradeStrategy?: {
    readonly minimumHealthCapacity: number
    readonly maximumOverCapacity: number
  }
}

interface MarathonVolume {
  readonly containerPath: string
  readonly mode: 'RW' | 'RO'
  readonly external: {
    readonly name: string
    readonly provider: string
    readonly size?: number
    readonly shared?: boolean
    readonly options: Readonly<Record<string, string>>
  }
}

/** What REX-Ray's volumes may say of themselves (marathon, DVDIProvider). */
const RULES: Readonly<Record<string, RegExp>> = {
  volumetype: /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
  newfstype: /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
  iops: /^[1-9]\d*$/,
  overwritefs: /^(true|false)$/,
}

/** What Marathon makes of an app's volumes for the agent. Throws where it would refuse the app. */
export function volumesOf(app: MarathonApp): TaskVolume[] {
  return app.container.volumes.map((volume) => {
    refuse(app, volume)
    const { name, size, options } = volume.external
    const stripped = Object.entries(options)
      .filter(([key]) => key.startsWith('dvdi/') && key !== 'dvdi/driver')
      .map(([key, value]) => [key.slice('dvdi/'.length), value.trim()] as const)
    return {
      driver: options['dvdi/driver'] ?? '',
      name,
      options: {
        ...Object.fromEntries(stripped),
        ...(size === undefined ? {} : { size: String(size) }),
      },
      containerPath: volume.containerPath,
    }
  })
}

/** The variables that it set for agents with mesos-module-dvdi. */
export function environmentOf(volumes: readonly TaskVolume[]): Record<string, string> {
  const variables = volumes.flatMap(({ driver, name, options = {} }, index) => {
    const slot = index === 0 ? '' : String(index)
    const pairs = Object.entries(options).map(([key, value]) => `${key}=${value}`)
    return [
      [`DVDI_VOLUME_NAME${slot}`, name],
      [`DVDI_VOLUME_DRIVER${slot}`, driver],
      [`DVDI_VOLUME_OPTS${slot}`, pairs.join(',')],
    ]
  })
  return Object.fromEntries(variables)
}

function refuse(app: MarathonApp, { mode, external }: MarathonVolume): void {
  const { name, provider, shared, options } = external
  if (provider !== 'dvdi') throw new Error(`${app.id}: unknown provider ${provider}`)
  if (!options['dvdi/driver']) throw new Error(`${app.id}: ${name} needs dvdi/driver`)
  if (app.container.type === 'MESOS' && mode !== 'RW') throw new Error(`${app.id}: RW only`)
  if (app.instances > 1 && shared !== true)
    throw new Error(`${app.id}: one instance, for ${name} is not shared`)
  for (const [key, rule] of Object.entries(RULES)) {
    const value = options[`dvdi/${key}`]
    if (value !== undefined && !rule.test(value))
      throw new Error(`${app.id}: dvdi/${key} of ${name} is ${value}`)
  }
}

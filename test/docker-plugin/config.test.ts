import { describe, expect, test } from 'vitest'
import { PLUGIN_FOLDERS } from '../../src/cli/start.ts'
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts'
import { providers as drivers } from '../../src/providers/index.ts'
import { type PluginSetting, pluginConfig, rexraySettings } from '../support/docker-plugin.ts'

/** Settings that the program reads by other ways than its keys, or not at all; what those for requests do, `requests.test.ts` shows. */
const OTHERS = {
  'accepted for REX-Ray': ['DOCKER_LEGACY', 'CSI_ENDPOINT', 'X_CSI_DRIVER', 'X_CSI_NATIVE'],
  'for requests': ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS'],
  'of the AWS SDK': [
    ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
    'AWS_SHARED_CREDENTIALS_FILE',
  ],
}

const OPERATIONS = 'LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS'
/** Variables of the program that are no setting of the plugin, and why. */
const ABSENT: Readonly<Record<string, string>> = {
  [`${OPERATIONS}_MOUNT_PATH`]: 'the engine finds volumes only beneath the propagated mount',
  [`${OPERATIONS}_MOUNT_PREEMPT`]: 'it is REXRAY_PREEMPT',
  [`${OPERATIONS}_CREATE_DEFAULT_FSTYPE`]: 'it is REXRAY_FSTYPE',
  REXRAY_SERVICE: 'it is LIBSTORAGE_SERVICE',
  REXRAY_DEFAULTSERVICE: "the image's own",
  LOOP_POOL: 'pool.source says where; anywhere else it would go with the next upgrade',
  VFS_POOL: 'pool.source says where; anywhere else it would go with the next upgrade',
}

const settings = new Map(pluginConfig.env.map((setting) => [setting.name, setting]))

/** What the program makes of the settings of a plugin whose image is ours. */
function loaded(given: readonly PluginSetting[]): Promise<LoadedConfig> {
  return loadConfig({
    flags: {},
    env: Object.fromEntries(given.map(({ name, value }) => [name, value])),
    uid: 0,
    homeDirectory: '/nowhere',
    drivers,
    environmentFile: new URL('../../docker-plugin/environment', import.meta.url).pathname,
  })
}

/** All variables that the program knows by its keys, with their defaults; those with files are left out. */
const known = new Map((await loaded([])).variables().map(({ name, value }) => [name, value]))

/** Those that somebody sets to change something, and that the program reads as keys of its own. */
const effective = [...settings.values()]
  .filter(({ name }) => !Object.values(OTHERS).flat().includes(name))
  .filter(({ description }) => !/without effect|always used|no such tool/.test(description))
  .map(({ name }) => name)

function driverOf(name: string): string {
  const driver = /^(?:EBS|LOOP|VFS|VIRTUALBOX)(?=_)/.exec(name)?.[0]
  return driver?.toLowerCase() ?? 'ebs'
}

/** A value that a setting does not have by itself. */
function otherValue(name: string): string {
  const usual = known.get(name) ?? ''
  const special = Object.entries(OTHER_VALUES).find(([ending]) => name.endsWith(ending))?.[1]
  if (special !== undefined) return special
  if (usual === 'true' || usual === 'false') return String(usual !== 'true')
  if (/^\d+(ms|s|m)$/.test(usual)) return '77s'
  return /^\d+$/.test(usual) ? '7' : '/seven'
}

const OTHER_VALUES: Readonly<Record<string, string>> = {
  ...{ REXRAY_FSTYPE: 'xfs', REXRAY_LOGLEVEL: 'debug', REXRAY_PREEMPT: 'fence' },
  ...{ LIBSTORAGE_SERVICE: 'vfs', FILEMODE: '0700', DEFAULT_IOPS: '700', CALLTIMEOUT: '77s' },
  ...{ ENDPOINT: 'http://127.0.0.1:7', _FILE: import.meta.filename },
}

/** What the program will do, as far as settings decide it. */
function effectOf({ services, logLevel, callTimeoutMs }: LoadedConfig): unknown {
  return { services, logLevel, callTimeoutMs }
}

describe("the plugin's settings", () => {
  test.each(rexraySettings())("$name is there, with REX-Ray's default", ({ name, value }) => {
    expect(settings.get(name)).toMatchObject({ value, settable: ['value'] })
  })

  test('can all be set, and stand there once', () => {
    expect(settings.size).toBe(pluginConfig.env.length)
    expect(pluginConfig.env.filter(({ settable }) => settable[0] !== 'value')).toEqual([])
  })

  test('are all that the program can be told, but for what would lead it astray', () => {
    const lacking = [...known.keys()].filter((name) => !settings.has(name) && !(name in ABSENT))
    expect(lacking).toEqual([])
    const needless = Object.keys(ABSENT).filter((name) => settings.has(name) || !known.has(name))
    expect(needless).toEqual([])
  })

  test('are all known to the program', () => {
    const others = [...Object.values(OTHERS).flat(), 'REXRAY_FSTYPE', 'REXRAY_PREEMPT']
    const unknown = [...settings.keys()].filter(
      (name) => !known.has(name.replace(/_FILE$/, '')) && !others.includes(name),
    )
    expect(unknown).toEqual([])
  })

  test.each(effective)('%s changes what the program does', async (name) => {
    const service = driverOf(name)
    const given = [
      ...pluginConfig.env,
      { name: 'LIBSTORAGE_SERVICE', value: service },
      ...(service === 'virtualbox' ? [{ name: 'VIRTUALBOX_VOLUMEPATH', value: '/volumes' }] : []),
    ]
    const before = effectOf(await loaded(given))
    const after = await loaded([...given, { name, value: otherValue(name) }])
    const refused = after.warnings.filter((text) => !text.includes('is understood as'))
    expect(refused).toEqual([])
    expect(effectOf(after)).not.toEqual(before)
  })

  test('say what holds where they are empty', () => {
    const silent = pluginConfig.env.filter(({ name, value, description }) => {
      const usual = known.get(name) ?? ''
      const isOld = /without effect|always used/.test(description)
      return value === '' && usual !== '' && !isOld && !description.includes(`${usual} where empty`)
    })
    expect(silent.map(({ name }) => name)).toEqual([])
  })
})

describe('a plugin that nobody has set up', () => {
  test.each([
    ['ours', pluginConfig.env],
    ["one that was upgraded from REX-Ray's, which has that one's settings alone", rexraySettings()],
  ])('%s: serves EBS as REX-Ray did', async (_whose, given) => {
    const { services, warnings, logLevel, directories } = await loaded(given)
    expect([services.map(({ driver }) => driver), warnings, logLevel]).toEqual([
      ['ebs'],
      [],
      'warn',
    ])
    expect(services[0]?.settings).toMatchObject({ region: 'us-east-1', maxRetries: 10 })
    expect(services[0]?.operations).toMatchObject({
      create: { default: { fsType: 'ext4', sizeGiB: 16 } },
      mount: { preempt: false, path: '/var/lib/rexray/volumes', rootPath: '/data' },
    })
    expect(directories.lib).toBe(pluginConfig.propagatedMount)
  })

  test.each(['loop', 'vfs'])('keeps the volumes of %s outside of the plugin', async (driver) => {
    const { services } = await loaded([
      ...pluginConfig.env,
      { name: 'LIBSTORAGE_SERVICE', value: driver },
    ])
    const pool = pluginConfig.mounts.find(({ name }) => name === 'pool')?.destination
    expect(services).toMatchObject([{ driver, settings: { pool: `${pool}/remora-${driver}` } }])
  })
})

describe('of the engine the plugin wants', () => {
  test("REX-Ray's socket and mount, so that an upgrade finds what was there", () => {
    const { interface: offered, propagatedMount, network } = pluginConfig
    expect(offered).toEqual({ socket: 'rexray.sock', types: ['docker.volumedriver/1.0'] })
    expect(propagatedMount).toBe('/var/lib/rexray')
    expect(network).toEqual({ type: 'host' })
  })

  test('to mount, to grow what is mounted, devices, and nothing else', () => {
    const capabilities = ['CAP_SYS_ADMIN', 'CAP_SYS_RESOURCE']
    expect(pluginConfig.linux).toEqual({ allowAllDevices: true, capabilities })
    const mounts = pluginConfig.mounts.map(({ name, source, options, settable = [] }) => [
      ...[name, source, options.join(), settable.join()],
    ])
    expect(mounts).toEqual([
      ['dev', '/dev', 'rbind', ''],
      ['pool', '/var/lib', 'bind', 'source'],
      ['config', '/usr', 'bind,ro', 'source'],
    ])
  })

  test('folders of the machine that its errors name as the machine does', () => {
    const { mounts, propagatedMount } = pluginConfig
    const given = mounts.map(({ destination }) => destination)
    expect([...given, propagatedMount]).toEqual(expect.arrayContaining(PLUGIN_FOLDERS))
  })

  test('to start a program that there is, as the managed plugin', () => {
    const [program, ...rest] = pluginConfig.entrypoint
    expect([program, rest]).toEqual(['/usr/bin/rexray', ['start', '--nopid', '--managed']])
  })
})

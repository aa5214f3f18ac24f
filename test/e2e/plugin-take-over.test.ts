import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pluginConfig, rexrayConfig } from '../support/docker-plugin.ts'
import { diskMounts } from '../support/ec2/host.ts'
import { Ec2Simulator, type SimMachine } from '../support/ec2/simulator.ts'
import { eventually } from '../support/machine.ts'
import { PluginHost } from '../support/managed-plugin.ts'

let host: PluginHost
let simulator: Ec2Simulator
let instance: SimMachine
beforeAll(async () => {
  simulator = await Ec2Simulator.start({ factor: 0.1, disks: 'loop' })
  instance = await simulator.launch()
  host = await PluginHost.start({ liveRestore: true })
  await host.build('plugin', host.named('1'))
  await host.build('push', host.named('1'))
}, 180_000)
afterAll(async () => {
  await host?.end()
  await simulator?.close()
})

const docker = (...args: readonly string[]) => host.engine.docker(...args)

const REXRAY = 'rexray/ebs'

describe("the plugin in the place of REX-Ray's", () => {
  test('an upgrade finds its volumes, and the containers that use them go on', async () => {
    const { metadata } = instance
    const rexray = rexrayConfig()
    const endpoint = { name: 'EBS_METADATAENDPOINT', description: 'EC2', value: metadata.endpoint }
    const env = [...rexray.env, { ...endpoint, settable: ['value'] }]
    const mounts = [...rexray.mounts, ...diskMounts(instance)]
    await host.create(
      `${REXRAY}:latest`,
      { ...rexray, env, mounts },
      {
        'rexray.sh': '#!/bin/sh\nexec "$@"\n',
      },
    )
    const credentials = ['EBS_ACCESSKEY=AKIDEXAMPLE', 'EBS_SECRETKEY=secret']
    await docker('plugin', 'set', REXRAY, ...credentials, `EBS_ENDPOINT=${simulator.endpoint}`)
    await docker('plugin', 'enable', REXRAY)
    await docker('volume', 'create', '-d', REXRAY, '-o', 'size=1', 'data')
    const db = await host.writer(REXRAY, 'data')
    await host.writesOn(db)
    const [before] = simulator.named('data')

    await docker('plugin', 'disable', '--force', REXRAY)
    const folder = await host.folderOf(REXRAY)
    for (const own of ['ledger', 'log', 'pools'])
      rmSync(join(folder, 'propagated-mount', own), { recursive: true, force: true })
    const ours = { ...pluginConfig, mounts: [...pluginConfig.mounts, ...diskMounts(instance)] }
    await host.create(host.named('ebs'), ours)
    await docker('plugin', 'push', host.named('ebs'))
    const upgrade = ['plugin', 'upgrade', '--grant-all-permissions', '--skip-remote-check']
    await docker(...upgrade, REXRAY, host.named('ebs'))
    const kept = await docker('plugin', 'inspect', '--format', '{{.Settings.Env}}', REXRAY)
    for (const setting of [...credentials, `EBS_ENDPOINT=${simulator.endpoint}`])
      expect(kept).toContain(setting)
    host.machine.write('secrets/key', 'secret\n')
    const byFile = [`config.source=${join(host.machine.home, 'secrets')}`, 'EBS_SECRETKEY=']
    await docker('plugin', 'set', REXRAY, ...byFile, 'EBS_SECRETKEY_FILE=/etc/rexray/key')
    await docker('plugin', 'enable', REXRAY)

    await host.writesOn(db)
    expect(await docker('volume', 'inspect', '--format', '{{.Driver}}', 'data')).toBe(
      `${REXRAY}:latest`,
    )
    expect(await host.lines(REXRAY, 'data')).toBeGreaterThan(0)
    await host.writesOn(db)
    expect(simulator.named('data')).toMatchObject([{ attachments: before?.attachments }])
    const events = await host.events(REXRAY)
    expect(events.filter((event) => /^(formatted|checked|detached|attached) /.test(event))).toEqual(
      [],
    )

    await docker('rm', '-f', db)
    expect(await host.lines(REXRAY, 'data')).toBeGreaterThan(0)
    await eventually('the volume to be let go', () =>
      simulator.named('data').every(({ attachments }) => attachments.length === 0),
    )
    await docker('volume', 'rm', 'data')
    expect(simulator.named('data')).toEqual([])
    await docker('plugin', 'disable', REXRAY)
  })

  test("it is installed under REX-Ray's name, with its settings in the same command", async () => {
    mkdirSync(dirname(host.pool), { recursive: true })
    const install = ['plugin', 'install', '--grant-all-permissions', '--alias', 'rexray/loop']
    await docker(...install, host.named('1'), ...ofLoop())
    const db = await host.writer('rexray/loop', 'logs')
    await host.writesOn(db)
    expect(await docker('volume', 'inspect', '--format', '{{.Driver}}', 'logs')).toBe(
      'rexray/loop:latest',
    )
    await docker('rm', '-f', db)
    await docker('volume', 'rm', 'logs')
    expect(await host.loops()).toEqual([])
  })
})

/** Rejected with words like these. */
async function expectRefused(words: RegExp, ...args: readonly string[]): Promise<void> {
  const { status, stderr } = await host.engine.attempt(...args)
  expect([status, stderr]).toEqual([1, expect.stringMatching(words)])
}

const ofLoop = () => ['LIBSTORAGE_SERVICE=loop', `pool.source=${dirname(host.pool)}`]

/**
 * Cases of moby under their names, of integration-cli/docker_cli_plugins_test.go and docker_cli_daemon_plugins_test.go, with the
 * plugin that was installed last.
 */
describe('DockerCLIPluginsSuite and DockerDaemonSuite', () => {
  const plugin = 'rexray/loop'
  const enabled = () => docker('plugin', 'inspect', '--format', '{{.Enabled}}', plugin)

  test('TestPluginInspect', async () => {
    const id = await docker('plugin', 'inspect', '--format', '{{.Id}}', plugin)
    for (const name of [id, id.slice(0, 5), plugin, `${plugin}:latest`])
      expect(await docker('plugin', 'inspect', '--format', '{{.Id}}', name)).toBe(id)
  })

  test('TestPluginListFilterEnabled and TestPluginListFilterCapability', async () => {
    const listed = (filter: string) =>
      docker('plugin', 'ls', '--format', '{{.Name}}', '--filter', filter)
    expect(await listed('enabled=true')).toBe(`${plugin}:latest`)
    expect(await listed('enabled=false')).not.toContain(plugin)
    expect(await listed('capability=volumedriver')).toContain(plugin)
    expect(await listed('capability=authz')).toBe('')
  })

  test('TestPluginSet', async () => {
    await expectRefused(/active plugin/, 'plugin', 'set', plugin, 'REXRAY_LOGLEVEL=info')
    await docker('plugin', 'disable', plugin)
    await expectRefused(/"NO_SUCH" not found/, 'plugin', 'set', plugin, 'NO_SUCH=1')
    await expectRefused(/not settable/, 'plugin', 'set', plugin, 'dev.source=/elsewhere')
    await docker('plugin', 'set', plugin, 'REXRAY_LOGLEVEL=info')
    const env = await docker('plugin', 'inspect', '--format', '{{.Settings.Env}}', plugin)
    expect(env).toContain('REXRAY_LOGLEVEL=info')
  })

  test('TestPluginEnableDisableNegative', async () => {
    await expectRefused(/already disabled/, 'plugin', 'disable', plugin)
    await docker('plugin', 'enable', plugin)
    await expectRefused(/already enabled/, 'plugin', 'enable', plugin)
  })

  test('TestPluginCreate', async () => {
    const folder = join(host.machine.home, 'small')
    mkdirSync(join(folder, 'rootfs'), { recursive: true })
    writeFileSync(join(folder, 'config.json'), '{}')
    await expectRefused(/already exist/, 'plugin', 'create', plugin, folder)
  })

  test('TestPluginActive', async () => {
    await docker('volume', 'create', '-d', plugin, '-o', 'size=1', 'data')
    await expectRefused(/in use/, 'plugin', 'disable', plugin)
    await docker('volume', 'rm', 'data')
    await docker('plugin', 'disable', plugin)
    await docker('plugin', 'enable', plugin)
  })

  test.each([
    ['TestDaemonKillLiveRestoreWithPlugins', () => host.engine.kill()],
    ['TestDaemonShutdownLiveRestoreWithPlugins', () => host.engine.stop()],
  ] as const)('%s', async (name, end) => {
    const db = await host.writer(plugin, name)
    await host.writesOn(db)
    const pid = await host.process()
    const before = (await host.events(plugin)).length
    await end()
    process.kill(pid, 0)
    await host.engine.start()
    expect(await host.process()).toBe(pid)
    await host.writesOn(db)
    expect(await host.lines(plugin, name)).toBeGreaterThan(0)
    // The volume of the test before may be detached only now.
    const since = (await host.events(plugin))
      .slice(before)
      .filter((one) => one.endsWith(` ${name}`))
    expect(since.filter((event) => !event.startsWith('reference '))).toEqual([])
    await docker('rm', '-f', db)
  })

  test('TestPluginVolumeRemoveOnRestart', async () => {
    await expectRefused(/in use/, 'plugin', 'disable', plugin)
    const volumes = await docker('volume', 'ls', '--quiet')
    await docker('volume', 'rm', ...volumes.split('\n'))
    expect(await host.loops()).toEqual([])
    await docker('plugin', 'disable', plugin)
    expect(await enabled()).toBe('false')
    await docker('plugin', 'enable', plugin)
  })

  test('TestPluginForceRemove', async () => {
    await expectRefused(/is enabled/, 'plugin', 'rm', plugin)
    await docker('plugin', 'rm', '--force', plugin)
    expect(await docker('plugin', 'ls', '--format', '{{.Name}}')).not.toContain(plugin)
  })

  test('TestPluginInstallDisable and TestPluginInstallDisableVolumeLs', async () => {
    const install = ['plugin', 'install', '--grant-all-permissions', '--disable', '--alias', plugin]
    await docker(...install, host.named('1'), ...ofLoop())
    expect(await enabled()).toBe('false')
    await docker('volume', 'ls')
    await docker('plugin', 'enable', plugin)
    await docker('plugin', 'disable', plugin)
    await docker('plugin', 'rm', plugin)
  })
})

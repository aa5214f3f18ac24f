import { mkdirSync, rmSync } from 'node:fs'
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
  host = await PluginHost.start()
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
    const settings = ['LIBSTORAGE_SERVICE=loop', `pool.source=${dirname(host.pool)}`]
    const install = ['plugin', 'install', '--grant-all-permissions', '--alias', 'rexray/loop']
    await docker(...install, host.named('1'), ...settings)
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

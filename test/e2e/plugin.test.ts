import { existsSync, mkdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rexraySettings } from '../support/docker-plugin.ts'
import { eventually } from '../support/machine.ts'
import { PluginHost, privileged } from '../support/managed-plugin.ts'
import { PLUGIN_IMAGE } from '../support/plugin-image.ts'

const MOUNT_PATH = 'LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS_MOUNT_PATH'

let host: PluginHost
let plugin: string
/** What building it said. */
let built: string
beforeAll(async () => {
  host = await PluginHost.start()
  plugin = host.named('1')
  mkdirSync(dirname(host.pool), { recursive: true })
  built = await host.build('plugin', plugin)
  await host.build('push', plugin)
}, 180_000)
afterAll(() => host?.end())

const docker = (...args: readonly string[]) => host.engine.docker(...args)

describe('the managed plugin', () => {
  test('is of an image below 150 MB', () => {
    const [, size] = /^image \S+, (\d+) MB$/m.exec(built) ?? []
    expect(Number(size)).toBeGreaterThan(50)
    expect(Number(size)).toBeLessThan(150)
  })

  test("takes every setting of REX-Ray's, with its default, before it is enabled", async () => {
    const settings = rexraySettings().map(({ name, value }) => `${name}=${value}`)
    expect(settings.length).toBeGreaterThan(20)
    await docker('plugin', 'set', plugin, ...settings)
  })

  test('is not built over one that is there', async () => {
    await expect(host.build('plugin', plugin)).rejects.toThrow('is there already, remove it first')
  })

  test('does not start with a wrong value, and says in the log of the engine which', async () => {
    await docker('plugin', 'set', plugin, 'EBS_MAXRETRIES=many')
    const { status } = await host.engine.attempt('plugin', 'enable', plugin)
    expect(status).not.toBe(0)
    expect(host.engine.log()).toMatch(
      /environment EBS_MAXRETRIES: ebs\.maxRetries is \S*many\S*, use a number/,
    )
    await eventually('what the doctor finds', () =>
      /rexray: the doctor finds[\s\S]*FAIL {2}machine\.configuration/.test(host.engine.log()),
    )
    await docker('plugin', 'set', plugin, 'EBS_MAXRETRIES=')
  })

  test('is enabled though its cloud cannot be reached, and says so to who asks for a volume', async () => {
    const nowhere = ['EBS_ENDPOINT', 'EBS_METADATAENDPOINT'].map(
      (key) => `${key}=http://127.0.0.1:9`,
    )
    await docker('plugin', 'set', plugin, ...nowhere)
    await docker('plugin', 'enable', plugin)
    const { status, stderr } = await host.engine.attempt('volume', 'create', '-d', plugin, 'data')
    expect([status, stderr]).toEqual([1, expect.stringMatching(/instance|127\.0\.0\.1:9/)])
    await docker('plugin', 'disable', plugin)
    await docker('plugin', 'set', plugin, 'EBS_ENDPOINT=', 'EBS_METADATAENDPOINT=')
  })

  test('serves loop volumes from a folder of the machine', async () => {
    const settings = ['LIBSTORAGE_SERVICE=loop', `pool.source=${dirname(host.pool)}`]
    await docker('plugin', 'set', plugin, ...settings)
    // How soon is mostly the engine's part; ours has its target in `make bench`.
    const answeredMs = await host.enable(plugin)
    console.log(`the socket answered ${answeredMs} ms after docker plugin enable began`)
    await docker('volume', 'create', '-d', plugin, '-o', 'size=1', 'data')
    await host.sh('echo kept > /d/file', plugin, 'data')
    expect(await host.sh('cat /d/file', plugin, 'data')).toBe('kept')
    expect(existsSync(join(host.pool, 'data/disk'))).toBe(true)
  })

  test('says of a pool whose disk is not mounted where it lies on the machine', async () => {
    const away = `${host.pool}.away`
    renameSync(host.pool, away)
    mkdirSync(host.pool)
    const { stderr } = await host.engine.attempt('volume', 'create', '-d', plugin, 'logs')
    rmdirSync(host.pool)
    renameSync(away, host.pool)
    expect(stderr).toContain(`pool ${host.pool} had volumes once, and is an empty folder now`)
    const memory = join(await host.folderOf(plugin), 'propagated-mount/pools')
    expect(stderr).toContain(`or remove ${memory}/loop`)
    expect(host.engine.log()).toContain(`pool ${host.pool} had volumes once`)
    expect(await host.sh('cat /d/file', plugin, 'data')).toBe('kept')
  })

  test('is looked at by the doctor from within', async () => {
    const { status, stdout } = await host.within(plugin, 'remora', 'doctor')
    expect([status, stdout]).toEqual([0, expect.stringContaining('no failures, no warnings')])
    expect(stdout).toMatch(/^ok {4}machine\.container: this program runs in the managed plugin /m)
  })

  test('is killed, and started anew by the engine, without its containers noticing', async () => {
    const db = await host.writer(plugin, 'data')
    const pid = await host.process()
    process.kill(pid, 'SIGKILL')
    await eventually('another process', async () => (await host.process()) !== pid)
    await host.writesOn(db)
    const seen = await eventually('the volume to be served again', () => host.lines(plugin, 'data'))
    expect(seen).toBeGreaterThan(0)
    await docker('rm', '-f', db)
    await eventually('the volume to be let go', async () => (await host.loops()).length === 0)
  })

  test('is upgraded under a container that goes on, whose volume nobody formats, checks or detaches', async () => {
    const db = await host.writer(plugin, 'data')
    await host.writesOn(db)
    const folder = await host.folderOf(plugin)
    const before = (await host.events(plugin)).length
    writeFileSync(join(folder, 'rootfs/of-the-older-version'), '')
    const upgrade = ['plugin', 'upgrade', '--grant-all-permissions', '--skip-remote-check']
    const early = await host.engine.attempt(...upgrade, plugin, plugin)
    expect([early.status, early.stderr]).toEqual([1, expect.stringMatching(/must be disabled/)])
    await docker('plugin', 'disable', '--force', plugin)
    await host.writesOn(db)
    await docker(...upgrade, plugin, plugin)
    expect(existsSync(join(folder, 'rootfs/of-the-older-version'))).toBe(false)
    await docker('plugin', 'set', plugin, `pool.source=${dirname(host.pool)}`)
    await docker('plugin', 'enable', plugin)
    await host.writesOn(db)
    expect(await host.lines(plugin, 'data')).toBeGreaterThan(0)
    expect(await host.sh('cat /d/file', plugin, 'data')).toBe('kept')
    const since = (await host.events(plugin)).slice(before)
    expect(since.filter((event) => !/^(mounted|reference) /.test(event))).toEqual([])
    await docker('rm', '-f', db)
    await eventually('the volume to be let go', async () => (await host.loops()).length === 0)
  })

  test('comes back with its engine, whose crash took the containers, and serves what they had', async () => {
    const db = await host.writer(plugin, 'data')
    await host.writesOn(db)
    const before = (await host.events(plugin)).length
    await host.engine.kill()
    await host.engine.start()
    expect(await host.sh('cat /d/file', plugin, 'data')).toBe('kept')
    await docker('start', db)
    await host.writesOn(db)
    expect((await host.events(plugin)).slice(before)).not.toContain('formatted data')
    await docker('rm', '-f', db)
    await docker('volume', 'rm', 'data')
    expect(await host.loops()).toEqual([])
  })
})

describe('the image of the plugin', () => {
  test('is built on the image that BASE names, by nothing of this machine', async () => {
    const idOf = (name: string) => docker('image', 'inspect', '--format', '{{.Id}}', name)
    const built = await idOf(PLUGIN_IMAGE)
    const usual = await docker('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', 'remora-base')
    await docker('tag', usual, 'company/base:1')
    await docker('rmi', usual)
    expect(await host.build('image', plugin, 'company/base:1')).toMatch(/^image /)
    expect(await idOf(PLUGIN_IMAGE)).toBe(built)
    expect(await docker('image', 'ls', '--quiet', 'remora-base')).toBe('')
  })

  test('serves the driver rexray as a container that is started anew', async () => {
    await docker('plugin', 'disable', '--force', plugin)
    const place = (name: string) => join(host.machine.home, 'container', name)
    for (const name of ['lib', 'mounts', 'pool']) mkdirSync(place(name), { recursive: true })
    const shared = ['sh', '-c', 'mount --bind "$0" "$0" && mount --make-rshared "$0"'] as const
    await host.machine.run(shared[0], [...shared.slice(1), place('mounts')])
    const binds = [
      ...['/dev:/dev', '/run/docker/plugins:/run/docker/plugins', `${place('pool')}:/pool`],
      ...[`${place('lib')}:/var/lib/rexray`, `${place('mounts')}:${place('mounts')}:rshared`],
    ]
    const settings = ['LIBSTORAGE_SERVICE=loop', `${MOUNT_PATH}=${place('mounts')}`]
    const id = await docker(
      ...['run', '-d', ...privileged(), '--network', 'host', '--pid', 'host'],
      ...binds.flatMap((bind) => ['-v', bind]),
      ...settings.flatMap((setting) => ['-e', setting]),
      PLUGIN_IMAGE,
    )
    const served = async () => {
      const { status } = await host.engine.attempt('volume', 'create', '-d', 'rexray', 'logs')
      return status === 0
    }
    await eventually('the container to serve', served)
    const { stdout } = await host.engine.attempt('exec', id, 'remora', 'doctor')
    expect(stdout).toContain(
      `machine.container: this program runs in the container ${id.slice(0, 12)}`,
    )
    expect(stdout).toMatch(/ checks: no failures, /)
    const bare = ['run', '--rm', '--network', 'none', '-e', 'LIBSTORAGE_SERVICE=loop']
    const alone = await host.engine.attempt(...bare, PLUGIN_IMAGE, 'doctor')
    expect([alone.status, alone.stdout]).toEqual([
      2,
      expect.stringContaining('docker run --privileged …'),
    ])
    await host.sh('echo kept > /d/file', 'rexray', 'logs')
    await docker('kill', id)
    await docker('start', id)
    await eventually('the container to serve again', served)
    expect(await host.sh('cat /d/file', 'rexray', 'logs')).toBe('kept')
    await docker('volume', 'rm', 'logs')
    await docker('rm', '-f', id)
  })
})

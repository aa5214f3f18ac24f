import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { pluginConfig } from '../support/docker-plugin.ts'
import { Machine, type Outcome } from '../support/machine.ts'
import { PluginHost } from '../support/managed-plugin.ts'
import { ProjectCopy } from '../support/project-copy.ts'
import { programEnvironment } from '../support/server-process.ts'

let project: ProjectCopy
let built: Outcome
const at = (file: string) => join(project.folder, 'release', file)
const PLUGIN = 'remora/rexray:1'
const plugin = () =>
  `remora-plugin-${project.version}-linux-${process.arch === 'x64' ? 'amd64' : process.arch}`
const files = () => readdirSync(join(project.folder, 'release'))
beforeAll(async () => {
  project = new ProjectCopy()
  project.tag()
  // Nobody answers there: a release goes without, and says so.
  built = await project.build('release', { npm_config_registry: 'http://127.0.0.1:1' })
})
afterAll(() => project.remove())

let machine: Machine
beforeEach(async () => {
  machine = await Machine.start()
})
afterEach(() => machine.end())

describe('a release', () => {
  test('has all its parts, and their checksums', async () => {
    expect(built).toMatchObject({ status: 0, stdout: '' })
    expect(built.stderr).toMatch(/^NOT AUDITED: .+\n$/)
    const { version } = project
    expect(files()).toEqual([
      'CHANGES.md',
      'SHA256SUMS',
      'audit.txt',
      `remora-${version}.tgz`,
      `${plugin()}.cdx.json`,
      `${plugin()}.tar.gz`,
      'remora.cdx.json',
      `remora_${version}_all.deb`,
    ])
    expect(project.read('release/CHANGES.md')).toBe(
      `# Remora ${version}\n\n### Added\n\n- All of it.\n`,
    )
    const sums = await machine.run('sh', ['-c', `cd ${at('.')} && sha256sum --check SHA256SUMS`])
    expect(sums.stdout.trim().split('\n')).toHaveLength(7)
    expect(sums.status).toBe(0)
  })

  test('is the same to the byte when it is built again', async () => {
    const sums = project.read('release/SHA256SUMS')
    const listed = async () =>
      (await machine.run('tar', ['-tvzf', at(`${plugin()}.tar.gz`)])).stdout
    const files = await listed()
    const again = await project.build('release', { npm_config_registry: 'http://127.0.0.1:1' })
    expect(again.status).toBe(0)
    expect(await listed()).toBe(files)
    expect(project.read('release/SHA256SUMS')).toBe(sums)
  })

  test('names in its bill of materials what is bundled, and no machine', () => {
    const text = project.read('release/remora.cdx.json')
    const bill = JSON.parse(text)
    expect(bill).toMatchObject({
      bomFormat: 'CycloneDX',
      metadata: { component: { name: 'remora' } },
    })
    const names = bill.components.map(({ name }: { name: string }) => name)
    const { dependencies, devDependencies } = JSON.parse(project.read('package.json'))
    expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies)))
    const tools = Object.keys(devDependencies).filter((name) => name !== '@smithy/types')
    expect(names.filter((name: string) => tools.includes(name))).toEqual([])
    const refs = bill.dependencies.flatMap(({ dependsOn }: { dependsOn: string[] }) => dependsOn)
    expect(bill.components.map((one: { 'bom-ref': string }) => one['bom-ref'])).toEqual(
      expect.arrayContaining(refs),
    )
    expect(text.match(/https?:\/\/[^/"]+/g)).toEqual(['http://cyclonedx.org'])
  })
})

describe('the plugin of a release', () => {
  test('is made and enabled from its archive, and serves', async () => {
    const host = await PluginHost.start()
    try {
      const unpacked = join(host.machine.home, 'unpacked')
      mkdirSync(unpacked)
      await host.machine.run('tar', ['-xzf', at(`${plugin()}.tar.gz`), '-C', unpacked])
      const folder = join(unpacked, `remora-plugin-${project.version}`)
      expect(readdirSync(folder)).toEqual(['LICENSE', 'config.json', 'rootfs'])
      const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
      expect(config).toEqual(pluginConfig)

      await host.createOf(PLUGIN, folder, config)
      mkdirSync(dirname(host.pool))
      const settings = ['LIBSTORAGE_SERVICE=loop', `pool.source=${dirname(host.pool)}`]
      await host.engine.docker('plugin', 'set', PLUGIN, ...settings)
      await host.engine.docker('plugin', 'enable', PLUGIN)
      expect(await host.sh('echo kept > /d/file; cat /d/file', PLUGIN, 'data')).toBe('kept')
    } finally {
      await host.end()
    }
  })

  test('names in its bill of materials what of the system lies in it, and has the licences', async () => {
    const bill = JSON.parse(project.read(`release/${plugin()}.cdx.json`))
    const names = bill.components.map(({ name }: { name: string }) => name)
    expect(names).toEqual(expect.arrayContaining(['remora', 'e2fsprogs', 'xfsprogs', 'libc6']))
    const purls = bill.components.map(({ purl }: { purl?: string }) => purl)
    expect(purls).toEqual(
      expect.arrayContaining([expect.stringMatching(/^pkg:deb\/\w+\/e2fsprogs@\d.*\?arch=/)]),
    )
    const { stdout } = await machine.run('tar', ['-tzf', at(`${plugin()}.tar.gz`)])
    for (const name of ['e2fsprogs', 'libblkid1', 'btrfs-progs'])
      expect(stdout).toContain(`/rootfs/usr/share/doc/${name}/copyright\n`)
    expect(stdout).toContain('/rootfs/usr/lib/remora/third-party-notices.txt\n')
  })
})

describe('the npm package', () => {
  const prefix = () => join(machine.home, 'prefix')
  const run = (program: string, ...args: string[]) =>
    machine.run(join(prefix(), 'bin', program), args, {
      ...programEnvironment(machine.home),
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
    })
  const install = () =>
    machine.run('npm', [
      ...['install', '--global', '--offline', '--no-audit', '--no-fund'],
      ...['--prefix', prefix(), '--cache', join(machine.home, 'cache')],
      at(`remora-${project.version}.tgz`),
    ])

  test('leaves a rexray alone that is there already', async () => {
    machine.write('prefix/bin/rexray', 'old')
    const { status, stderr } = await install()
    expect(status).not.toBe(0)
    expect(stderr).toContain('EEXIST')
    expect(readFileSync(join(prefix(), 'bin/rexray'), 'utf8')).toBe('old')
  })

  test('is installed without a network or another package, under its three names', async () => {
    expect(await install()).toMatchObject({ status: 0 })
    expect(readdirSync(join(prefix(), 'lib/node_modules'))).toEqual(['remora'])
    for (const name of ['remora', 'rexray', 'dvdcli'])
      expect((await run(name, 'version')).stdout).toContain(`\nSemVer: ${project.version}\n`)
    expect((await run('dvdcli', 'version')).stdout).toMatch(/^Binary: .*dvdcli\n/)
  })

  test('serves volumes', async () => {
    expect(await install()).toMatchObject({ status: 0 })
    machine.write('etc/config.yml', 'libstorage: { service: vfs }\n')
    expect(await run('remora', 'service', 'start')).toMatchObject({ status: 0 })
    const dvdcli = (verb: string) =>
      run('dvdcli', verb, '--volumedriver=rexray', '--volumename=data')
    expect((await dvdcli('mount')).stdout).toMatch(/\/data\n$/)
    expect((await run('dvdcli', 'list', '--volumedriver=rexray')).stdout).toBe('data\n')
    expect(await dvdcli('unmount')).toMatchObject({ status: 0 })
    expect(await run('rexray', 'stop')).toMatchObject({ status: 0 })
  })
})

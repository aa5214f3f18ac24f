import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Machine, type Outcome } from '../support/machine.ts'
import { ProjectCopy } from '../support/project-copy.ts'
import { programEnvironment } from '../support/server-process.ts'
import { ThrowawayRoot } from '../support/throwaway-root.ts'

let project: ProjectCopy
let built: Outcome
const at = (file: string) => join(project.folder, 'release', file)
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
      'remora.cdx.json',
      `remora_${version}_all.deb`,
    ])
    expect(project.read('release/CHANGES.md')).toBe(
      `# Remora ${version}\n\n### Added\n\n- All of it.\n`,
    )
    const sums = await machine.run('sh', ['-c', `cd ${at('.')} && sha256sum --check SHA256SUMS`])
    expect(sums.stdout.trim().split('\n')).toHaveLength(5)
    expect(sums.status).toBe(0)
  })

  test('is the same to the byte when it is built again', async () => {
    const sums = project.read('release/SHA256SUMS')
    const again = await project.build('release', { npm_config_registry: 'http://127.0.0.1:1' })
    expect(again.status).toBe(0)
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

describe('the Debian package', () => {
  const deb = () => at(`remora_${project.version}_all.deb`)

  test('has the program for root alone to change, its unit, and nothing in /etc', async () => {
    const { stdout } = await machine.run('dpkg-deb', ['--contents', deb()])
    const lines = stdout.trim().split('\n')
    expect(lines.filter((line) => !/^[d-]rw[x-]r-[x-]r-[x-] root\/root |^lrwx/.test(line))).toEqual(
      [],
    )
    const paths = lines.map((line) => /(\.\/\S*)/.exec(line)?.[1])
    expect(paths).toEqual(
      expect.arrayContaining([
        './usr/lib/remora/dist/main.js',
        './usr/lib/systemd/system/remora.service',
        './usr/share/doc/remora/config.yml.example',
        './usr/share/doc/remora/copyright',
      ]),
    )
    expect(paths.filter((path) => /^\.\/(etc|var)/.test(path ?? ''))).toEqual([])
    const dated = lines.filter((line) => !/ 20\d\d-\d\d-\d\d /.test(line))
    expect(dated).toEqual([])
    const { stdout: facts } = await machine.run('dpkg-deb', ['--info', deb()])
    expect(facts).toContain('Depends: nodejs (>= 20.19), e2fsprogs, util-linux, mount')
    expect(facts).toContain('Recommends: xfsprogs, btrfs-progs')
  })

  test('runs wherever it is unpacked', async () => {
    const root = join(machine.home, 'unpacked')
    await machine.run('dpkg-deb', ['--extract', deb(), root])
    for (const name of ['remora', 'rexray', 'dvdcli']) {
      const { stdout } = await machine.run(process.execPath, [
        join(root, 'usr/bin', name),
        'version',
      ])
      expect(stdout).toContain(`\nSemVer: ${project.version}\n`)
    }
    const unit = readFileSync(join(root, 'usr/lib/systemd/system/remora.service'), 'utf8')
    expect(unit).toContain('\nExecStart=/usr/bin/remora start\n')
    const copyright = readFileSync(join(root, 'usr/share/doc/remora/copyright'), 'utf8')
    for (const name of ['express', 'winston', '@aws-sdk/client-ec2'])
      expect(copyright).toMatch(new RegExp(`^${name} \\d`, 'm'))
  })

  test('lives with a REX-Ray, serves in its place, and gives it back', async () => {
    const root = await ThrowawayRoot.on(machine)
    copyFileSync(deb(), root.path('/tmp/remora.deb'))
    for (const name of ['rexray', 'dvdcli']) root.write(`/usr/bin/${name}`, '#!/bin/sh\necho old\n')
    root.write('/etc/rexray/config.yml', 'libstorage: { service: vfs }\n')
    root.write('/var/lib/rexray/kept', '')
    await root.sh('sleep 600 < /dev/null > /dev/null 2>&1 & echo $! > /run/units/rexray.service')
    const say = async (line: string) => (await root.sh(line)).stdout

    const installed = await root.sh('dpkg --force-depends --install /tmp/remora.deb')
    expect(installed).toMatchObject({ status: 0 })
    expect(installed.stdout).toContain('systemctl enable --now remora')
    expect(installed.stdout).toContain('/usr/bin/rexray.before-remora')
    expect(await root.asked()).toEqual(['systemctl daemon-reload'])
    expect(await say('rexray version')).toContain('Remora')
    expect(await say('rexray.before-remora; dvdcli.before-remora')).toBe('old\nold\n')

    // The unit of REX-Ray runs the old program still, that of Remora the new one.
    await root.sh('remora start > /run/said 2>&1 & echo $! > /run/units/remora.service')
    expect(await root.sh('dvdcli create --volumedriver=rexray --volumename=data')).toMatchObject({
      status: 0,
    })
    await root.asked()
    await root.sh(
      'cd /tmp && dpkg-deb -R remora.deb x && sed -i "s/^Version: .*/&+1/" x/DEBIAN/control && dpkg-deb -b x newer.deb',
    )
    const upgraded = await root.sh('dpkg --force-depends --install /tmp/newer.deb')
    expect(upgraded).toMatchObject({ status: 0 })
    expect(upgraded.stdout).not.toContain('before-remora')
    expect(await root.asked()).toEqual([
      'systemctl daemon-reload',
      'systemctl restart remora.service',
    ])
    expect(await say('rexray.before-remora')).toBe('old\n')

    expect(await root.sh('dpkg --remove remora')).toMatchObject({ status: 0 })
    // This systemd stops nothing, so that the server is stopped by itself.
    expect(await root.asked()).toEqual([
      'systemctl stop remora.service',
      'systemctl stop remora.service',
      'systemctl --no-reload disable remora.service',
      'systemctl daemon-reload',
    ])
    expect(await say('rexray; dvdcli; ls /usr/bin | grep before-remora')).toBe('old\nold\n')
    expect(await root.sh('dpkg --purge remora')).toMatchObject({ status: 0 })
    expect(await say('ls /var/lib/rexray/kept; cat /etc/rexray/config.yml')).toBe(
      '/var/lib/rexray/kept\nlibstorage: { service: vfs }\n',
    )
  })

  test('lives without systemd: an upgrade leaves the server alone, a removal stops it and nothing else', async () => {
    const root = await ThrowawayRoot.on(machine)
    copyFileSync(deb(), root.path('/tmp/remora.deb'))
    await root.sh('rm -rf /run/systemd /usr/bin/rexray /usr/bin/dvdcli')
    const installed = await root.sh('dpkg --force-depends --install /tmp/remora.deb')
    expect(installed).toMatchObject({ status: 0 })
    expect(installed.stdout).not.toContain('before-remora')
    expect(await root.asked()).toEqual([])
    await root.sh(
      'mkdir -p /etc/rexray; echo "libstorage: { service: vfs }" > /etc/rexray/config.yml',
    )
    await root.sh('remora service start')
    await root.sh(
      'dvdcli mount --volumedriver=rexray --volumename=data; echo kept > /var/lib/rexray/volumes/data/data/file',
    )
    const again = await root.sh('dpkg --force-depends --install /tmp/remora.deb')
    expect(again.stdout).toContain('remora restart\n')
    expect((await root.sh('rexray status')).stdout).toContain('is running')
    expect(await root.asked()).toEqual([])

    expect(await root.sh('dpkg --purge remora && ! ls /usr/bin/rexray')).toMatchObject({
      status: 0,
    })
    expect(await root.sh('ls /var/run/rexray/rexray.pid')).not.toMatchObject({ status: 0 })
    expect((await root.sh('cat /var/lib/rexray/volumes/data/data/file')).stdout).toBe('kept\n')
  })
})

test('the Debian package is refused beside a package of REX-Ray, which stays as it is', async () => {
  const root = await ThrowawayRoot.on(machine)
  copyFileSync(at(`remora_${project.version}_all.deb`), root.path('/tmp/remora.deb'))
  root.write('/tmp/x/usr/bin/rexray', '#!/bin/sh\necho old\n')
  const control =
    'Package: rexray\nVersion: 0.11.4-1\nArchitecture: all\nMaintainer: a\nDescription: b\n'
  root.write('/tmp/x/DEBIAN/control', control)
  await root.sh('rm -f /usr/bin/rexray; dpkg-deb -b /tmp/x /tmp/x.deb && dpkg -i /tmp/x.deb')
  const { status, stderr } = await root.sh('dpkg --force-depends --install /tmp/remora.deb')
  expect(status).not.toBe(0)
  expect(stderr).toContain('remora conflicts with rexray')
  expect((await root.sh('rexray; ls /usr/bin | grep before-remora')).stdout).toBe('old\n')
})

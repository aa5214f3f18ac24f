import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually, Machine } from '../support/machine.ts'
import { ProjectCopy } from '../support/project-copy.ts'
import { ThrowawayRoot } from '../support/throwaway-root.ts'

let project: ProjectCopy
const at = (file: string) => join(project.folder, 'release', file)
beforeAll(async () => {
  project = new ProjectCopy()
  expect(await project.build('packages')).toEqual({ status: 0, stdout: '', stderr: '' })
})
afterAll(() => project.remove())

let machine: Machine
beforeEach(async () => {
  machine = await Machine.start()
})
afterEach(() => machine.end())

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
      'systemctl --no-reload disable remora.service',
      'systemctl daemon-reload',
    ])
    expect(await say('rexray; dvdcli; ls /usr/bin | grep before-remora')).toBe('old\nold\n')
    expect(await root.sh('dpkg --purge remora')).toMatchObject({ status: 0 })
    expect(await say('ls /var/lib/rexray/kept; cat /etc/rexray/config.yml')).toBe(
      '/var/lib/rexray/kept\nlibstorage: { service: vfs }\n',
    )
  })

  test('lives without systemd: an upgrade leaves the server alone, a removal stops it and leaves what is mounted', async () => {
    const root = await ThrowawayRoot.on(machine)
    copyFileSync(deb(), root.path('/tmp/remora.deb'))
    await root.sh('rm -rf /run/systemd /usr/bin/rexray /usr/bin/dvdcli')
    const installed = await root.sh('dpkg --force-depends --install /tmp/remora.deb')
    expect(installed).toMatchObject({ status: 0 })
    expect(installed.stdout).not.toContain('before-remora')
    expect(await root.asked()).toEqual([])
    root.write(
      '/etc/rexray/config.yml',
      'libstorage: { service: loop }\nloop: { pool: /tmp/pool }\nrexray: { volume: { create: { default: { size: 1 } } } }\n',
    )
    const volume = '/var/lib/rexray/volumes/data'
    const loops = 'losetup --noheadings -O NAME -j /tmp/pool/data/disk'
    try {
      await root.sh('remora service start')
      expect(
        await root.sh(
          'dvdcli mount --volumedriver=rexray --volumename=data && echo kept > /var/lib/rexray/volumes/data/data/file',
        ),
      ).toMatchObject({ status: 0 })
      const again = await root.sh('dpkg --force-depends --install /tmp/remora.deb')
      expect(again.stdout).toContain('remora restart\n')
      expect((await root.sh('rexray status')).stdout).toContain('is running')
      expect(await root.asked()).toEqual([])

      expect(await root.sh('dpkg --purge remora && ! ls /usr/bin/rexray')).toMatchObject({
        status: 0,
      })
      expect(await root.sh('ls /var/run/rexray/rexray.pid')).not.toMatchObject({ status: 0 })
      const kept = await root.sh(`findmnt -n -o FSTYPE ${volume}; cat ${volume}/data/file`)
      expect(kept.stdout).toBe('ext4\nkept\n')

      await root.sh('dpkg --force-depends --install /tmp/remora.deb && remora service start')
      const unmount = 'dvdcli unmount --volumedriver=rexray --volumename=data'
      expect(await root.sh(unmount)).toMatchObject({ status: 0 })
      await eventually(
        'the volume to be let go',
        async () => (await root.sh(`findmnt ${volume}; ${loops}`)).stdout === '',
      )
    } finally {
      await root.sh(`umount ${volume}; ${loops} | xargs -r losetup -d`)
    }
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

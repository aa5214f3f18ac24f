import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemdUnit } from '../../src/cli/service/unit.ts'
import { Machine, programPath } from '../support/machine.ts'
import { expectSuccess } from '../support/plugin-calls.ts'
import { programEnvironment, startServer } from '../support/server-process.ts'

let machine: Machine
beforeEach(async () => {
  machine = await Machine.start()
})
afterEach(() => machine.end())

describe('the unit', () => {
  test('leaves the server what volumes of every file system need', async () => {
    const unit = systemdUnit({
      command: ['/usr/bin/remora'],
      environmentFile: '/etc/rexray/rexray.env',
      stateFolder: '/var/lib/rexray',
    })
    const taken = /^CapabilityBoundingSet=~(.+)$/m.exec(unit)?.[1]?.toLowerCase().split(' ') ?? []
    expect(unit).toContain('\nNoNewPrivileges=yes\n')
    const confined = [
      '--no-new-privs',
      `--bounding-set=${taken.map((name) => name.replace('cap_', '-')).join(',')}`,
    ]
    machine.write('etc/config.yml', 'libstorage: { service: loop }\n')
    const server = await startServer(machine, { through: ['setpriv', ...confined] })
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
    expect(status).toMatch(/^NoNewPrivs:\t1$/m)
    const left = BigInt(`0x${/^CapBnd:\t(\w+)$/m.exec(status)?.[1]}`)
    expect({ netAdmin: left & (1n << 12n), sysAdmin: left & (1n << 21n) }).toEqual({
      netAdmin: 0n,
      sysAdmin: 1n << 21n,
    })
    for (const fstype of ['ext4', 'xfs', 'btrfs']) {
      const Opts = { size: '1', fstype, mountopts: 'noatime', uid: '1000', mode: '2770' }
      await expectSuccess(server, 'Create', { Name: fstype, Opts })
      await expectSuccess(server, 'Mount', { Name: fstype, ID: 'a' })
    }
    const resize = ['volume', 'resize', 'xfs', 'btrfs', '--size', '2']
    const grown = await machine.run(
      'setpriv',
      [...confined, process.execPath, programPath, ...resize],
      programEnvironment(machine.home),
    )
    expect(grown).toMatchObject({ status: 0, stderr: '' })
    for (const fstype of ['ext4', 'xfs', 'btrfs'])
      await expectSuccess(server, 'Unmount', { Name: fstype, ID: 'a' })
    expect(await server.stop()).toBe(0)
    expect(readFileSync(join(machine.home, 'var/log/events.jsonl'), 'utf8')).not.toContain(
      '"failed"',
    )
  })
})

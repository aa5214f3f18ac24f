import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Run, run } from '../../../src/libstorage/run.ts'
import { GuestDisks, serialOf } from '../../../src/providers/virtualbox/guest-disks.ts'
import { page80 } from '../../support/virtualbox/guest.ts'

const ID = '0e705852-9738-4745-82a2-c04ce888078b'
const SERIAL = 'VB0e705852-8b0788e8'
/** With the same first half. */
const OTHER = 'VB0e705852-00000000'

let root: string
let disks: GuestDisks
const told: string[] = []
beforeEach(() => {
  told.length = 0
  root = mkdtempSync(path.join(tmpdir(), 'remora-guest-'))
  for (const folder of ['sys/block', 'dev/disk/by-id', 'sys/class/scsi_host'])
    mkdirSync(path.join(root, folder), { recursive: true })
  disks = open(run)
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function open(by: Run): GuestDisks {
  const at = (where: string) => path.join(root, where)
  const roots = {
    sysfs: at('sys'),
    dev: at('dev'),
    ownNodes: at('own'),
    diskIDPath: at('dev/disk/by-id'),
    scsiHostPath: at('sys/class/scsi_host'),
  }
  return new GuestDisks(roots, by, (message) => told.push(message))
}

interface Shown {
  readonly page?: string
  readonly wwid?: string
  readonly model?: string
  readonly sectors?: number
}

/** Shows a disk as the kernel of a guest does. */
function show(name: string, { page, wwid, model = 'VBOX HARDDISK   ', sectors = 8 }: Shown): void {
  const folder = path.join(root, 'sys/block', name)
  mkdirSync(path.join(folder, 'device'), { recursive: true })
  writeFileSync(path.join(folder, 'size'), `${sectors}\n`)
  writeFileSync(path.join(folder, 'device/model'), `${model}\n`)
  if (page !== undefined) writeFileSync(path.join(folder, 'device/vpd_pg80'), page80(page))
  if (wwid !== undefined)
    writeFileSync(
      path.join(folder, 'device/wwid'),
      `t10.ATA     ${'VBOX HARDDISK'.padEnd(40)}${wwid} \n`,
    )
}

const link = (name: string, to: string) =>
  symlinkSync(`../../${to}`, path.join(root, 'dev/disk/by-id', name))

test('the serial number of a disk is made of the first and the last four bytes of its UUID', () => {
  expect(serialOf(ID)).toBe(SERIAL)
  expect(serialOf('AEA84196-252F-448D-90BA-6F4B1E1C560E')).toBe('VBaea84196-0e561c1e')
})

test('a disk is found by its whole serial number, whatever others share its first half', () => {
  show('sda', { page: 'VB11111111-22222222' })
  show('sdb', { page: OTHER })
  show('sdc', { page: SERIAL })
  expect(disks.nameOf(ID)).toBe('sdc')
})

test('a disk is found by its WWID where the kernel has no page of it', () => {
  show('sdb', { wwid: OTHER })
  show('sdc', { wwid: SERIAL })
  expect(disks.nameOf(ID)).toBe('sdc')
})

test('a disk of another make, or without a size, or that two have, is not it', () => {
  show('sda', { page: SERIAL, model: 'QEMU HARDDISK' })
  show('sdb', { page: SERIAL, sectors: 0 })
  expect(disks.nameOf(ID)).toBeUndefined()
  show('sdc', { page: SERIAL })
  show('sdd', { page: SERIAL })
  expect(disks.nameOf(ID)).toBeUndefined()
})

test('udev’s name for the whole disk counts where sysfs says nothing, never that of a partition', () => {
  show('sda', {})
  show('sdb', {})
  link(`ata-VBOX_HARDDISK_${SERIAL}-part1`, 'sda5')
  expect(disks.nameOf(ID)).toBeUndefined()
  link(`ata-VBOX_HARDDISK_${SERIAL}`, 'sdb')
  expect(disks.nameOf(ID)).toBe('sdb')
})

test('an old name of udev’s does not count where sysfs says another serial number', () => {
  show('sdb', { page: OTHER })
  link(`ata-VBOX_HARDDISK_${SERIAL}`, 'sdb')
  expect(disks.nameOf(ID)).toBeUndefined()
})

test('only AHCI hosts are asked to look for disks', async () => {
  for (const [host, driver] of [
    ['host0', 'ata_piix'],
    ['host1', 'ahci'],
  ] as const) {
    const folder = path.join(root, 'sys/class/scsi_host', host)
    mkdirSync(folder)
    writeFileSync(path.join(folder, 'proc_name'), `${driver}\n`)
    writeFileSync(path.join(folder, 'scan'), '')
  }
  await disks.rescan()
  const scan = (host: string) =>
    readFileSync(path.join(root, 'sys/class/scsi_host', host, 'scan'), 'utf8')
  expect([scan('host0'), scan('host1')]).toEqual(['', '- - -'])
})

test('a sysfs that cannot be written to is told of once, with the way out', async () => {
  show('sdb', { page: SERIAL })
  mkdirSync(path.join(root, 'sys/class/scsi_host/host0'))
  const inPlugin = open(async (_, args) => ({
    exitCode: 2,
    stdout: '',
    stderr: `sh: 1: cannot create ${args.at(-1)}: Read-only file system\n`,
  }))
  await inPlugin.rescan()
  await inPlugin.forget('sdb')
  expect(told).toEqual([
    expect.stringMatching(/host0\/scan: Read-only file system.*run Remora as a service/),
  ])
})

test('a disk that is gone before it is let go of is nothing to tell of', async () => {
  await disks.forget('sdb')
  expect(told).toEqual([])
})

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { kernelCheck } from '../../../src/doctor/machine/kernel.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kernel-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function seen({ loaded = '', modules = '', wanted = ['ext4'] }): Promise<string> {
  const places = { fileSystems: path.join(folder, 'filesystems'), modules: path.join(folder, 'm') }
  writeFileSync(places.fileSystems, loaded)
  mkdirSync(places.modules)
  writeFileSync(path.join(places.modules, 'modules.dep'), modules)
  const findings = await kernelCheck(new Set(wanted), places).run(new AbortController().signal)
  return findings.map((finding) => `${finding.verdict} ${finding.seen}`).join('; ')
}

test('a kernel without the file system of new volumes fails', async () => {
  expect(await seen({ loaded: 'nodev\tproc\n\txfs\n' })).toBe(
    'fail the kernel has no ext4, the file system of new volumes here',
  )
})

test('a file system that nothing is made with may be missing', async () => {
  expect(await seen({ loaded: '\text4\n\txfs\n' })).toBe(
    'pass the kernel has ext4, xfs, without btrfs',
  )
})

test('what the kernel can load counts as there, packed or not', async () => {
  const modules = 'kernel/fs/ext4/ext4.ko.zst: kernel/fs/jbd2/jbd2.ko.zst\nkernel/fs/xfs/xfs.ko:\n'
  expect(await seen({ modules, wanted: ['ext4', 'xfs'] })).toBe(
    'pass the kernel has ext4, xfs, without btrfs',
  )
})

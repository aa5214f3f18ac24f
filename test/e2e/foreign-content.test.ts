import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type ForeignContent,
  makeForeign,
  mountedContents,
  refusedContents,
} from '../support/foreign-content.ts'
import { expectNothingLeft } from '../support/leftovers.ts'
import { Machine } from '../support/machine.ts'
import { callPlugin, expectSuccess } from '../support/plugin-calls.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

const GIB = 2 ** 30
const volume = { Name: 'data' }

let machine: Machine
let server: ServerProcess
let disk: string

beforeAll(async () => {
  machine = await Machine.start()
  disk = join(machine.home, 'var/lib/loop/data/disk')
  server = await startServer(machine)
})
afterAll(() => machine.end())

/** A volume that was made here, and then got its content from somebody else. */
async function given(content: ForeignContent): Promise<void> {
  await expectSuccess(server, 'Create', { ...volume, Opts: { size: '1' } })
  await makeForeign(content, disk, GIB)
}

/** Of every byte of a sparse file, and of where its holes are: a zero that was written is a change too. */
async function hashOf(path: string): Promise<string> {
  const script = 'set -o pipefail; sync "$0" && tar -c -S -P --mtime=@0 "$0" | sha256sum'
  const { status, stdout } = await machine.run('bash', ['-c', script, path])
  expect([status, stdout]).toEqual([0, expect.stringMatching(/^[0-9a-f]{64} /)])
  return stdout
}

describe('a device that holds what is not ours', () => {
  test.each(refusedContents)('is refused and not touched: $title', async (content) => {
    await given(content)
    const before = await hashOf(disk)

    const reply = await callPlugin(server, 'Mount', { ...volume, ID: 'a' })
    expect(reply.status).toBe(500)
    expect(reply.body['Err']).toMatch(content.named)
    expect(reply.body['Err']).toContain('volume "data"')
    expect(reply.body['Err'], 'says where').toMatch(/\/dev\/loop\d+|\/var\/lib\/loop\/data/)
    expect(reply.body['Err'], 'says the way out').toMatch(/mkfs/)

    await expectNothingLeft(machine, { volumes: ['data'] })
    expect(await hashOf(disk)).toBe(before)
    await expectSuccess(server, 'Remove', volume)
    await expectNothingLeft(machine)
  })

  test('is refused again and again, and mounts once somebody formatted it by hand', async () => {
    const [content] = refusedContents
    if (content === undefined) throw new Error('no content')
    await given(content)
    for (const id of ['a', 'b']) {
      const reply = await callPlugin(server, 'Mount', { ...volume, ID: id })
      expect(reply.status).toBe(500)
    }
    await expectNothingLeft(machine, { volumes: ['data'] })
    await machine.run('wipefs', ['-q', '-a', disk])
    expect(await machine.run('mkfs.ext4', ['-q', '-F', disk])).toMatchObject({ status: 0 })
    await expectSuccess(server, 'Mount', { ...volume, ID: 'c' })
    await expectSuccess(server, 'Unmount', { ...volume, ID: 'c' })
    await expectSuccess(server, 'Remove', volume)
    await expectNothingLeft(machine)
  })
})

describe('a file system that somebody else made', () => {
  test.each(mountedContents)('is mounted as what it is: $title', async (content) => {
    await given(content)
    const { Mountpoint } = await expectSuccess(server, 'Mount', { ...volume, ID: 'a' })
    const root = join(machine.home, 'var/lib/volumes/data')
    expect(Mountpoint).toBe(join(root, 'data'))
    expect(readFileSync(machine.path(join(root, 'hello')), 'utf8')).toBe('from afar')
    const { stdout } = await machine.run('findmnt', ['-n', '-o', 'FSTYPE', root])
    expect(stdout.trim()).toBe(content.blkid)

    await expectSuccess(server, 'Unmount', { ...volume, ID: 'a' })
    await expectNothingLeft(machine, { volumes: ['data'] })
    await expectSuccess(server, 'Remove', volume)
    await expectNothingLeft(machine)
  })
})

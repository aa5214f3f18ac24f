import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Engine } from '../support/dockerd.ts'
import { makeForeign, mountedContents, refusedContents } from '../support/foreign-content.ts'
import { expectNothingLeft, leftovers } from '../support/leftovers.ts'
import { loopDevices, Machine } from '../support/machine.ts'

let machine: Machine
beforeEach(async () => {
  machine = await Machine.start()
})
afterEach(() => machine.end())

describe('a machine of the tests', () => {
  test('sees its mounts alone, and what is left on it is named and then taken away', async () => {
    machine.write('var/lib/loop/x/volume.json', '{}')
    const disk = join(machine.home, 'var/lib/loop/x/disk')
    const script = `truncate -s 64M ${disk} && mkfs.ext4 -q -F ${disk} && d=$(losetup -f --show ${disk}) &&
      mkdir -p ${machine.home}/var/lib/volumes/x && mount $d ${machine.home}/var/lib/volumes/x`
    expect(await machine.run('sh', ['-c', script])).toMatchObject({ status: 0 })
    writeFileSync(machine.path(`${machine.home}/var/lib/volumes/x/file`), 'here')

    expect(existsSync(`${machine.home}/var/lib/volumes/x/file`)).toBe(false)
    expect(leftovers(machine)).toEqual([
      expect.stringMatching(/^mount .*volumes\/x$/),
      expect.stringMatching(/^loop \/dev\/loop\d+ .*\/disk$/),
      'volume x',
      'mount point x',
    ])
    await expect(expectNothingLeft(machine, {}, 100)).rejects.toThrow('mount point x')
    const { home } = machine
    await machine.end()
    expect(existsSync(home)).toBe(false)
    expect(loopDevices().filter(({ file }) => file.startsWith(home))).toEqual([])
  })

  test('runs a Docker engine that survives being killed, with its containers', async () => {
    const engine = new Engine(machine, { liveRestore: true })
    await engine.start()
    expect(await engine.sh('echo hello')).toBe('hello')
    const container = await engine.sleeper()
    expect(await engine.docker('exec', container, 'echo', 'here')).toBe('here')
    await engine.kill()
    await engine.start()
    expect(await engine.docker('exec', container, 'echo', 'still here')).toBe('still here')
    expect(await engine.docker('ps', '-q', '--no-trunc')).toBe(container)
  })
})

describe('the foreign contents of the tests', () => {
  test.each([...refusedContents, ...mountedContents])(
    '$title is what blkid says',
    async (content) => {
      const path = join(machine.home, 'disk')
      await makeForeign(content, path, 2 ** 30)
      const { stdout } = await machine.run('blkid', ['-p', '-o', 'export', path])
      const found = /^(?:TYPE|PTTYPE)=(.*)$/m.exec(stdout)?.[1]
      expect(found, stdout).toBe(content.blkid)
    },
  )
})

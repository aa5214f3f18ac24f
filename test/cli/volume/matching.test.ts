import { expect, test } from 'vitest'
import { COMMAND_HOLDER } from '../../../src/mount/references.ts'
import { aVolume } from '../../support/a-volume.ts'
import { CommandLine, commandVolumes } from '../../support/command-line.ts'

function withVolumes(...names: string[]) {
  const volumes = commandVolumes(...names.map((name) => aVolume({ name })))
  const line = new CommandLine(volumes)
  return { volumes, volume: (...args: string[]) => line.run('volume', ...args) }
}

test('a /regex/ means all volumes that fit it, each once', async () => {
  const { volumes, volume } = withVolumes('pg-1', 'pg-2', 'logs')
  expect((await volume('mount', '/^PG/', 'pg-2', '-f', '{{.Name}}')).stdout).toBe('pg-1\npg-2\n')
  expect((await volume('umount', '/pg/', '-f', '{{.Name}}')).stdout).toBe('pg-1\npg-2\n')
  expect((await volume('rm', '/-1$/')).stdout).toBe('pg-1\n')
  expect(volumes.names()).toEqual(['pg-2', 'logs'])
})

test.each(['rm', 'attach', 'detach', 'mount', 'unmount', 'path'])(
  '%s of a /regex/ that fits nothing is an error, and does nothing',
  async (verb) => {
    const { volume } = withVolumes('data')
    expect(await volume(verb, 'data', '/x/')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'remora: no volumes found: none fits /x/\n',
    })
  },
)

test('the beginning of a name means nothing to what changes volumes', async () => {
  const { volumes, volume } = withVolumes('data')
  expect((await volume('rm', 'dat')).stderr).toBe('remora: volume "dat" not found\n')
  expect(volumes.names()).toEqual(['data'])
})

test.each(['attach', 'detach', 'mount', 'unmount'])(
  '%s takes the beginning of an id that no other has, and lists those that several have',
  async (verb) => {
    const ids = ['vol-0a1b2c3d', 'vol-0a1b9999', 'd4c3b2a1-0000', 'vol-0a1b']
    const names = ['data', 'logs', 'disk', 'vol-0a1b2']
    const volumes = commandVolumes(
      ...ids.map((id, index) => aVolume({ id, name: names[index] ?? '' })),
    )
    const line = new CommandLine(volumes)
    for (const name of names) if (verb !== 'attach' && verb !== 'mount') await volumes.attach(name)
    if (verb === 'unmount')
      for (const name of names) await volumes.mount({ name, holder: COMMAND_HOLDER })
    const changed = (...words: string[]) => line.run('volume', verb, '-f', '{{.Name}}', ...words)

    expect((await changed('VOL-0A1B2c', 'd4c3b2a1')).stdout).toBe('data\ndisk\n')
    // The name, or the id, of a volume is no beginning.
    expect((await changed('vol-0a1b2')).stdout).toBe('vol-0a1b2\n')
    const several = 'is the beginning of 2 ids: vol-0a1b2c3d, vol-0a1b9999, give more of it'
    volumes.put(aVolume({ name: 'vol-0a1b2', id: 'vol-1' }))
    expect(await changed('vol-0a1b')).toMatchObject({
      status: 1,
      stderr: `remora: volume "vol-0a1b" ${several}\n`,
    })
    for (const word of ['vol-', 'd4c3', 'vol-ffff', 'dat'])
      expect((await changed(word)).stderr).toBe(`remora: volume "${word}" not found\n`)
  },
)

test.each(['rm', 'path', 'resize'])('%s takes no beginning of an id', async (verb) => {
  const line = new CommandLine(commandVolumes(aVolume({ id: 'vol-0a1b2c3d', name: 'data' })))
  const { stderr } = await line.run(
    'volume',
    verb,
    'vol-0a1b',
    ...(verb === 'resize' ? ['--size', '9'] : []),
  )
  expect(stderr).toBe('remora: volume "vol-0a1b" not found\n')
})

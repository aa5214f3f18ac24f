import { expect, test } from 'vitest'
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

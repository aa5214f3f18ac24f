import { expect, test } from 'vitest'
import { CommandLine } from '../support/command-line.ts'

test.each([
  [['-s', 'ebs', 'module', 'types'], 'adapter types'],
  [['volume', 'map'], 'device ls'],
])('%j, which REX-Ray had, is refused with what became of it', async (args, hint) => {
  const ran = await new CommandLine().run(...args)
  expect(ran).toMatchObject({ status: 1, stdout: '' })
  expect(ran.stderr).toMatch(/^remora: command \w+ is of REX-Ray[^\n]+\n$/)
  expect(ran.stderr).toContain(hint)
})

test.each(['constructor', 'bogus'])('%s is a command that nobody knows', async (word) => {
  const { status, stderr } = await new CommandLine().run(word)
  expect(status).toBe(1)
  expect(stderr).toContain(`unknown command '${word}'`)
})

test.each([['-v'], ['--verbose', '--help'], ['volume', 'ls', '-v', '-?']])(
  '%j prints a help with the flags of all settings',
  async (...args) => {
    const { status, stdout } = await new CommandLine().run(...args)
    expect(status).toBe(0)
    expect(stdout).toContain('--ebsRegion')
    expect(stdout).toMatch(
      /--libstorageIntegrationVolumeOperationsMountPreempt +\S.* \(default: false\)/,
    )
  },
)

test('-v changes nothing else', async () => {
  const line = new CommandLine()
  expect(await line.run('-v', 'volume', 'ls')).toEqual(await line.run('volume', 'ls'))
  expect((await line.run('--help')).stdout).not.toContain('--ebsRegion')
  expect((await line.run('volume', 'ls', '--', '-v')).status).toBe(0)
})

test('service start takes the flags that REX-Ray had for it', async () => {
  const { stderr } = await new CommandLine().run(
    'service',
    'start',
    '-f',
    '--nopid',
    '--force',
    'x',
  )
  expect(stderr).not.toContain('unknown option')
})

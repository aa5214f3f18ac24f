import { expect, test } from 'vitest'
import { CommandLine } from '../../support/command-line.ts'

function configured() {
  const line = new CommandLine()
  const { operations } = line.app().services[0] ?? {}
  if (operations === undefined) throw new Error('a service is served')
  line.config = {
    services: [
      { name: 'logs', driver: 'loop', settings: {}, operations },
      { name: 'db', driver: 'ebs', settings: {}, operations },
    ],
  }
  return line
}

test.each(['types', 'ls', 'list'])(
  '%s lists what is configured, and opens nothing',
  async (verb) => {
    const line = configured()
    expect(await line.run('adapter', verb)).toEqual({
      status: 0,
      stdout: 'Name  Driver\ndb    ebs\nlogs  loop\n',
      stderr: '',
    })
    expect(line.steps).toEqual([])
  },
)

test('types names the one service that is chosen where nothing is configured', async () => {
  const line = new CommandLine()
  expect((await line.run('adapter', 'types', '-f', 'json')).stdout).toBe(
    '[{"name":"ebs","driver":{"name":"ebs"}}]',
  )
  expect(line.steps).toEqual(['open command', 'close'])
})

test('instances says what each service calls this machine', async () => {
  const line = configured()
  expect(
    await line.run('adapter', 'instances', '-f', '{{.InstanceID.ID}} {{.ProviderName}}'),
  ).toEqual({
    status: 0,
    stdout: 'i-here ebs\ni-here ebs\n',
    stderr: '',
  })
  expect(line.flags.map(({ service }) => service)).toEqual([undefined, 'logs', 'db'])
})

test('instances is a table of four columns', async () => {
  const { stdout } = await new CommandLine().run('adapter', 'instances')
  expect(stdout).toBe('ID      Name  Provider  Region\ni-here        ebs\n')
})

test('instances prints those of the services that can say, and fails with the reason of the others', async () => {
  const line = configured()
  line.refuseService = 'logs'
  expect(await line.run('adapter', 'instances', '-q')).toEqual({
    status: 1,
    stdout: 'i-here    ebs\n',
    stderr: 'remora: service "logs" not found\n',
  })
})

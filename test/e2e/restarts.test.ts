import { Agent } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Engine } from '../support/dockerd.ts'
import { expectNothingLeft } from '../support/leftovers.ts'
import { eventually, Machine } from '../support/machine.ts'
import { callPatiently, expectSuccess, type PluginEndpoint } from '../support/plugin-calls.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

const volume = ['--mount', 'type=volume,source=data,target=/data,volume-driver=rexray']

let machine: Machine
let server: ServerProcess

beforeEach(async () => {
  machine = await Machine.start()
  server = await startServer(machine)
})
afterEach(() => machine.end())

describe('the server killed with -9 under running containers', () => {
  test('loses no byte of theirs, and the next one releases the volume when they end', async () => {
    const engine = new Engine(machine)
    await engine.start()
    const writer = await engine.sleeper(...volume)
    const reader = await engine.sleeper(...volume)
    await server.kill()
    await engine.docker('exec', writer, 'sh', '-c', 'echo unattended > /data/file && sync')
    server = await startServer(machine)
    const Mountpoint = `${machine.home}/var/lib/volumes/data/data`
    expect(await expectSuccess(server, 'Path', { Name: 'data' })).toMatchObject({ Mountpoint })
    expect(await engine.docker('exec', reader, 'cat', '/data/file')).toBe('unattended')
    await engine.docker('stop', writer)
    await engine.docker('exec', reader, 'sh', '-c', 'echo later >> /data/file && sync')
    await engine.docker('rm', '-f', writer, reader)
    await expectNothingLeft(machine, { volumes: ['data'] })
    expect(await engine.sh('cat /data/file', ...volume)).toBe('unattended\nlater')
    await engine.docker('volume', 'rm', 'data')
    await expectNothingLeft(machine)
  })

  test('does not keep a container from being started again afterwards', async () => {
    const engine = new Engine(machine)
    await engine.start()
    const container = await engine.sleeper(...volume)
    await engine.docker('exec', container, 'sh', '-c', 'echo whole > /data/file && sync')
    await server.kill()
    server = await startServer(machine)
    await engine.docker('restart', '-t', '1', container)
    expect(await engine.docker('exec', container, 'cat', '/data/file')).toBe('whole')
    await engine.docker('rm', '-f', container)
    await engine.docker('volume', 'rm', 'data')
    await expectNothingLeft(machine)
  })
})

describe('dockerd killed with -9', () => {
  test('and started again starts its containers with their data, and the volume can be removed', async () => {
    const engine = new Engine(machine)
    await engine.start()
    const container = await engine.sleeper(...volume)
    await engine.docker('exec', container, 'sh', '-c', 'echo whole > /data/file && sync')
    await engine.kill()
    await engine.start()
    await engine.docker('start', container)
    expect(await engine.docker('exec', container, 'cat', '/data/file')).toBe('whole')
    await engine.docker('rm', '-f', container)
    await engine.docker('volume', 'rm', 'data')
    await expectNothingLeft(machine)
  })

  test('leaves no reference that keeps a volume from being removed', async () => {
    const engine = new Engine(machine)
    await engine.start()
    const container = await engine.sleeper(...volume)
    await engine.kill()
    await engine.start()
    await engine.docker('rm', '-f', container)
    await engine.docker('volume', 'rm', 'data')
    await expectNothingLeft(machine)
  })

  test('with live restore leaves containers running, and their end releases the volume', async () => {
    const engine = new Engine(machine, { liveRestore: true })
    await engine.start()
    const container = await engine.sleeper(...volume)
    await engine.kill()
    await engine.start()
    await engine.docker('exec', container, 'sh', '-c', 'echo on > /data/file && sync')
    expect(await engine.docker('exec', container, 'cat', '/data/file')).toBe('on')
    await engine.docker('rm', '-f', container)
    await expectNothingLeft(machine, { volumes: ['data'] })
    await engine.docker('volume', 'rm', 'data')
    await expectNothingLeft(machine)
  })
})

describe('the server restarted under load', () => {
  const restarts = 10
  const clients = 8
  const callsPerServer = 300

  test.each([
    { connections: 'kept alive', keepAlive: true },
    { connections: 'of one call each', keepAlive: false },
  ])(
    'loses no call over connections $connections',
    async ({ keepAlive }) => {
      const agent = new Agent({ keepAlive, maxSockets: clients })
      const endpoint: PluginEndpoint = { socket: server.socket, agent }
      for (const name of ['held', 'spare'])
        await expectSuccess(endpoint, 'Create', { Name: name, Opts: { size: '1' } })
      await expectSuccess(endpoint, 'Mount', { Name: 'held', ID: 'keeper' })

      const tally = { calls: 0, lost: [] as string[] }
      let isOver = false
      const client = async (number: number) => {
        for (let turn = 0; !isOver; turn++)
          for (const [call, body] of turnOf(number, `client-${number}-${turn}`))
            await tallied(endpoint, call, body, tally)
      }
      const work = Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
      for (let restart = 0; restart < restarts; restart++) {
        const enough = tally.calls + callsPerServer
        await eventually('calls to be answered', () => tally.calls > enough)
        expect(await server.stop()).toBe(0)
        server = await startServer(machine)
      }
      isOver = true
      await work
      agent.destroy()

      console.log(`${tally.calls} calls over ${restarts} restarts, ${tally.lost.length} lost`)
      expect(tally.lost).toEqual([])
      expect(tally.calls).toBeGreaterThan(2_000)
      await expectSuccess(endpoint, 'Unmount', { Name: 'held', ID: 'keeper' })
      await expectNothingLeft(machine, { volumes: ['held', 'spare'] })
      for (const name of ['held', 'spare']) await expectSuccess(endpoint, 'Remove', { Name: name })
      await expectNothingLeft(machine)
    },
    120_000,
  )
})

/** What a client does over and over: every other one mounts and unmounts, all ask. */
function turnOf(client: number, id: string): [call: string, body: object][] {
  const held = { Name: 'held' }
  const questions: [string, object][] = [
    ['Get', held],
    ['Path', held],
    ['List', {}],
    ['Capabilities', {}],
    ['Create', { Name: 'spare', Opts: { size: '1' } }],
    ['Get', { Name: 'spare' }],
  ]
  if (client % 2 === 0) return questions
  return [['Mount', { ...held, ID: id }], ...questions, ['Unmount', { ...held, ID: id }]]
}

async function tallied(
  endpoint: PluginEndpoint,
  call: string,
  body: object,
  tally: { calls: number; lost: string[] },
): Promise<void> {
  try {
    const reply = await callPatiently(endpoint, call, body)
    tally.calls += 1
    if (reply.status !== 200) tally.lost.push(`${call}: ${reply.status} ${reply.body['Err']}`)
  } catch (error) {
    tally.lost.push(`${call}: ${error}`)
  }
}

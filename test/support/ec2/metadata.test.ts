import { afterEach, beforeEach, expect, test } from 'vitest'
import { Ec2Simulator, type SimMachine } from './simulator.ts'

const DOCUMENT = '/latest/dynamic/instance-identity/document'

let simulator: Ec2Simulator
let machine: SimMachine
beforeEach(async () => {
  simulator = await Ec2Simulator.start()
  machine = await simulator.launch({ type: 't3.nano' })
})
afterEach(() => simulator.close())

const ask = (path: string, init: RequestInit = {}) =>
  fetch(machine.metadata.endpoint + path, { signal: AbortSignal.timeout(300), ...init })
const token = async (seconds: number | string = 60) =>
  await ask('/latest/api/token', {
    method: 'PUT',
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': String(seconds) },
  })
const withToken = async (path: string, value: string) =>
  await ask(path, { headers: { 'x-aws-ec2-metadata-token': value } })

test('with a token everything is told, without one nothing', async () => {
  const value = await (await token()).text()
  const document = await (await withToken(DOCUMENT, value)).json()
  expect(document).toMatchObject({
    instanceId: machine.id,
    region: 'us-east-1',
    availabilityZone: 'us-east-1a',
    instanceType: 't3.nano',
  })
  expect(await (await withToken('/latest/meta-data/instance-id', value)).text()).toBe(machine.id)
  expect((await withToken('/latest/meta-data/outpost-arn', value)).status).toBe(404)
  expect((await ask(DOCUMENT)).status).toBe(401)
  expect((await withToken(DOCUMENT, 'wrong')).status).toBe(401)
})

test('a token ends with its time', async () => {
  const value = await (await token(60)).text()
  simulator.region.clock.advance(59_000)
  expect((await withToken(DOCUMENT, value)).status).toBe(200)
  simulator.region.clock.advance(2_000)
  expect((await withToken(DOCUMENT, value)).status).toBe(401)
})

test('a token lives from a second to six hours', async () => {
  for (const [seconds, status] of [
    ['', 400],
    [0, 400],
    [21_601, 400],
    [21_600, 200],
  ] as const)
    expect((await token(seconds)).status).toBe(status)
})

test('version 1 answers only where it is allowed', async () => {
  machine.metadata.options.tokens = 'optional'
  expect((await ask(DOCUMENT)).status).toBe(200)
})

test('an old service has no tokens', async () => {
  machine.metadata.options.tokens = 'optional'
  for (const status of [404, 405] as const) {
    machine.metadata.options.tokenPath = status
    expect((await token()).status).toBe(status)
  }
})

test('behind too many hops no answer with a token ever comes, and one that is switched off refuses', async () => {
  machine.metadata.options.tokenPath = 'silent'
  await expect(token()).rejects.toThrow()
  expect((await ask(DOCUMENT)).status).toBe(401)
  machine.metadata.options.isEnabled = false
  expect((await ask(DOCUMENT)).status).toBe(403)
  machine.metadata.options.isSilent = true
  await expect(ask(DOCUMENT)).rejects.toThrow()
})

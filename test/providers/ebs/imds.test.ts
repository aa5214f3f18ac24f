import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AbortedError, UnavailableError } from '../../../src/libstorage/errors.ts'
import { MetadataService } from '../../../src/providers/ebs/imds.ts'
import { Ec2Simulator, type SimMachine } from '../../support/ec2/simulator.ts'

const ID = '/latest/meta-data/instance-id'
const TOKEN = 'PUT /latest/api/token'

let simulator: Ec2Simulator
let machine: SimMachine
let service: MetadataService
beforeEach(async () => {
  simulator = await Ec2Simulator.start()
  machine = await simulator.launch()
  service = new MetadataService(machine.metadata.endpoint)
})
afterEach(() => simulator.close())

test('many questions are asked with one token', async () => {
  expect(await service.get(ID)).toBe(machine.id)
  expect(await service.get('/latest/meta-data/instance-type')).toBe('m5.large')
  expect(await service.get('/latest/meta-data/outpost-arn')).toBeUndefined()
  expect(machine.metadata.requests.filter((one) => one === TOKEN)).toHaveLength(1)
})

test('a token that is not taken any more is fetched anew, once', async () => {
  await service.get(ID)
  simulator.region.clock.advance(21_601_000)
  expect(await service.get(ID)).toBe(machine.id)
  expect(machine.metadata.requests.filter((one) => one === TOKEN)).toHaveLength(2)
})

test.each([404, 405] as const)(
  'where asking for a token is %i, it is asked without',
  async (status) => {
    machine.metadata.options.tokenPath = status
    machine.metadata.options.tokens = 'optional'
    expect(await service.get(ID)).toBe(machine.id)
    expect(await service.get(ID)).toBe(machine.id)
    expect(machine.metadata.requests).toEqual([TOKEN, `GET ${ID}`, `GET ${ID}`])
  },
)

test('tokens that are asked for again after an update of the service are fetched', async () => {
  machine.metadata.options.tokenPath = 404
  machine.metadata.options.tokens = 'optional'
  await service.get(ID)
  machine.metadata.options.tokenPath = 'works'
  machine.metadata.options.tokens = 'required'
  expect(await service.get(ID)).toBe(machine.id)
})

test('what it does not answer is given up in time, also where memory is tidied meanwhile', async () => {
  setFlagsFromString('--expose-gc')
  const tidying = setInterval(runInNewContext('gc'), 100)
  try {
    machine.metadata.options.isSilent = true
    await expect(service.get(ID)).rejects.toThrow(/does not answer .no answer within 1 s/)
  } finally {
    clearInterval(tidying)
  }
})

test('behind too many hops it gives up in a few seconds, and never asks without a token', async () => {
  machine.metadata.options.tokenPath = 'silent'
  machine.metadata.options.tokens = 'optional'
  const asked = service.get(ID)
  await expect(asked).rejects.toThrow(UnavailableError)
  await expect(asked).rejects.toThrow(/does not answer .*hop limit 2 .*ebs.region/)
  expect(machine.metadata.requests).toEqual([TOKEN, TOKEN, TOKEN])
})

test('it gives up too while memory is collected, though nobody else holds the time limit', async () => {
  machine.metadata.options.tokenPath = 'silent'
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const collecting = setInterval(collect, 50)
  try {
    const asked = service.get(ID, new AbortController().signal)
    await expect(asked).rejects.toThrow(UnavailableError)
  } finally {
    clearInterval(collecting)
  }
}, 20_000)

test('a service that is switched off is said with its status and the keys that replace it', async () => {
  machine.metadata.options.isEnabled = false
  await expect(service.get(ID)).rejects.toThrow(/gives no token \(status 403\), .*ebs.instanceId/)
})

test('a caller that goes away ends the wait', async () => {
  machine.metadata.options.isSilent = true
  await expect(service.get(ID, AbortSignal.timeout(50))).rejects.toThrow()
  await expect(service.get(ID, AbortSignal.abort())).rejects.toThrow(AbortedError)
})

test('nobody there is said at once', async () => {
  await simulator.close()
  await expect(service.get(ID)).rejects.toThrow(/does not answer \(.*ECONNREFUSED/)
})

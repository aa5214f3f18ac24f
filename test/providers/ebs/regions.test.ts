import { EC2Client } from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { InvalidArgumentError } from '../../../src/libstorage/errors.ts'
import { copiesIn, copyBy, EbsCopyWorld, inFact, KEY } from '../../support/ebs-copy-world.ts'
import { Ec2Simulator } from '../../support/ec2/simulator.ts'
import { eventually } from '../../support/eventually.ts'

let there: EbsCopyWorld
afterEach(() => there.close())

describe('a copy in another region', () => {
  let far: Ec2Simulator
  beforeEach(async () => {
    there = await EbsCopyWorld.open()
    far = await Ec2Simulator.start({
      region: 'eu-west-1',
      factor: 0.005,
      delays: { lag: 0, tagLag: 0 },
    })
    far.region.others.set('us-east-1', there.simulator.region)
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
    await far.close()
  })
  const copyFar = async (id: string, rest = {}) => {
    const endpoints = { 'eu-west-1': far.endpoint }
    const driver = await there.process(there.world.here, {}, { endpoints })
    return await copyBy(driver, id, { region: 'eu-west-1', ...rest })
  }

  test('is made there and nowhere else, once', async () => {
    const { id, volumeId } = await there.taken()
    const made = await copyFar(id)
    expect(made).toMatchObject({ name: 'keep', volumeId, copyOf: id, state: 'pending' })
    expect((await copyFar(id)).id).toBe(made.id)
    far.faults.next('CopySnapshot', { kind: 'drop', when: 'after' })
    const other = await copyFar(id, { name: 'other' })
    expect(copiesIn(far)).toEqual([made.id, other.id])
    expect(copiesIn(there.simulator)).toEqual([])
    await eventually(() => expect(inFact(far, made.id).state).toBe('completed'))
  })

  test('leaves no connection to there behind, also where it is refused', async () => {
    const destroyed = vi.spyOn(EC2Client.prototype, 'destroy')
    const { id } = await there.taken()
    await copyFar(id)
    expect(destroyed).toHaveBeenCalledTimes(1)
    far.region.denied.add('CopySnapshot')
    await expect(copyFar(id, { name: 'x' })).rejects.toThrow(
      /^the copy "x" of snapshot snap-\w+ in eu-west-1 was refused .*ec2:CopySnapshot/,
    )
    expect(destroyed).toHaveBeenCalledTimes(2)
  })

  test('of an encrypted snapshot has the default key of that region', async () => {
    there.simulator.region.keys.set(KEY, 'usable')
    far.region.defaultKey = 'arn:aws:kms:eu-west-1:123456789012:key/there'
    const { id } = await there.taken({ encrypted: true, encryptionKey: KEY })
    const { id: made } = await copyFar(id)
    expect(inFact(far, made)).toMatchObject({ encrypted: true, kmsKeyId: far.region.defaultKey })
  })

  test('is refused where the environment names one endpoint for all', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_EC2', there.simulator.endpoint)
    const { id } = await there.taken()
    const driver = await there.process(there.world.here, { endpoint: undefined })
    const refused = copyBy(driver, id, { region: 'eu-west-1' })
    await expect(refused).rejects.toThrow(/all requests go to http.* \(or AWS_ENDPOINT_URL\)/)
  })

  test('that is our own is a copy here', async () => {
    const { id } = await there.taken()
    const made = await there.copy(id, { region: 'us-east-1' })
    expect(copiesIn(there.simulator)).toEqual([made.id])
  })

  test.each([
    ['eu-west-1', /all requests go to http:\/\/127\.0\.0\.1:\d+, .* us-east-1, leave out ebs\.end/],
    ['cn-north-1', /is in another partition of AWS than us-east-1/],
    ['Frankfurt', /^region "Frankfurt" is no region of AWS/],
    ['evil.example/', /is no region of AWS/],
    ['', /is no region of AWS/],
  ])('%j that cannot be asked is refused', async (region, says) => {
    const { id } = await there.taken()
    const refused = there.copy(id, { region })
    await expect(refused).rejects.toThrow(InvalidArgumentError)
    await expect(refused).rejects.toThrow(says)
  })
})

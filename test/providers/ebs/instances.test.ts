import { expect, test } from 'vitest'
import type { Ec2 } from '../../../src/providers/ebs/ec2.ts'
import { ec2Instances } from '../../../src/providers/ebs/instances.ts'

/** EC2 that shows one instance in this state. */
function showing(Name: string | undefined): Ec2 {
  const Instances = [{ InstanceId: 'i-1', ...(Name !== undefined && { State: { Name } }) }]
  return { send: async () => ({ Reservations: [{ Instances }] }) } as unknown as Ec2
}

test.each(['rebalancing', 'constructor', undefined])(
  'an instance that EC2 shows in a state that is not known (%s) counts as one that runs, and not as gone',
  async (state) => {
    expect(await ec2Instances(showing(state)).status('i-1')).toEqual({
      id: 'i-1',
      state: 'running',
    })
  },
)

test('an instance that ends is stopping until EC2 calls it terminated', async () => {
  const stateOf = async (state: string) => (await ec2Instances(showing(state)).status('i-1'))?.state
  expect(await stateOf('shutting-down')).toBe('stopping')
  expect(await stateOf('terminated')).toBe('terminated')
})

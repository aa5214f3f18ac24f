import { DescribeInstancesCommand, StopInstancesCommand } from '@aws-sdk/client-ec2'
import { UnavailableError } from '../../libstorage/errors.ts'
import type { InstanceDriver } from '../../libstorage/storage-driver.ts'
import type { InstanceState, InstanceStatus } from '../../libstorage/types.ts'
import type { Ec2 } from './ec2.ts'
import { asStorageError, ec2Code } from './errors.ts'

/** Other instances of the account, as EC2 sees them. */
export function ec2Instances(ec2: Ec2): InstanceDriver {
  return {
    async status(id, { signal } = {}) {
      const asked = { subject: `instance ${id}`, action: 'ec2:DescribeInstances' }
      try {
        // As a filter: an unknown id in a list is an error, and an id of another form too.
        const request = new DescribeInstancesCommand({
          Filters: [{ Name: 'instance-id', Values: [id] }],
        })
        const { Reservations = [] } = await ec2.send(request, signal)
        const seen = Reservations.flatMap(({ Instances = [] }) => Instances)[0]
        return seen && toStatus(id, seen.State?.Name, seen.StateTransitionReason)
      } catch (error) {
        throw asStorageError(error, asked)
      }
    },
    async stop(id, { signal } = {}) {
      try {
        // With force EC2 first asks the system to shut down, and does not wait for ever that it does.
        await ec2.send(new StopInstancesCommand({ InstanceIds: [id], Force: true }), signal)
      } catch (error) {
        if (ec2Code(error) === 'IncorrectInstanceState') throw notNow(id, error)
        throw asStorageError(error, { subject: `instance ${id}`, action: 'ec2:StopInstances' })
      }
    },
  }
}

/** One that is starting, or ending for good, is in another state soon. EC2 refuses what can never be stopped with other codes. */
function notNow(id: string, cause: unknown): UnavailableError {
  return new UnavailableError({
    subject: `instance ${id}`,
    problem: 'is starting or ending, and cannot be stopped at this moment',
    remedy: 'try again',
    cause,
  })
}

const STATES: Readonly<Record<string, InstanceState>> = {
  pending: 'pending',
  running: 'running',
  'shutting-down': 'stopping',
  stopping: 'stopping',
  stopped: 'stopped',
  terminated: 'terminated',
}

function toStatus(
  id: string,
  name: string | undefined,
  reason: string | undefined,
): InstanceStatus | undefined {
  const state = STATES[name ?? '']
  if (state === undefined) return undefined
  // `User initiated (2024-05-01 12:00:00 GMT)`
  const time = /\((\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) GMT\)/.exec(reason ?? '')
  return { id, state, ...(time && { since: new Date(`${time[1]}T${time[2]}Z`) }) }
}

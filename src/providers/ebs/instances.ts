import {
  DescribeInstancesCommand,
  type Instance as Ec2Instance,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2'
import { FailedPreconditionError, UnavailableError } from '../../libstorage/errors.ts'
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
        const seen = await describedInstance(ec2, id, signal)
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

/** Where an instance is, and what it is. */
export interface Placement {
  readonly zone: string
  readonly instanceType?: string | undefined
}

/** Asks EC2 where this very machine is, which nothing here says. */
export async function ownPlacement(ec2: Pick<Ec2, 'send'>, id: string): Promise<Placement> {
  const asked = { subject: `instance ${id}`, action: 'ec2:DescribeInstances' }
  try {
    return placementOf(id, await describedInstance(ec2, id))
  } catch (error) {
    throw asStorageError(error, asked)
  }
}

/** Rejects where EC2 does not show the instance, or not where it is. */
export function placementOf(id: string, seen: Ec2Instance | undefined): Placement {
  const { AvailabilityZone: zone } = seen?.Placement ?? {}
  if (zone !== undefined) return { zone, instanceType: seen?.InstanceType }
  throw new FailedPreconditionError({
    subject: `instance ${id}`,
    problem: 'is not shown by EC2 to this caller in this region, so that its zone is not known',
    remedy:
      'set ebs.region and ebs.instanceId to those of this machine, or use credentials of its account',
  })
}

/** The instance as EC2 shows it; undefined where it shows none. */
export async function describedInstance(
  ec2: Pick<Ec2, 'send'>,
  id: string,
  signal?: AbortSignal,
): Promise<Ec2Instance | undefined> {
  // As a filter: an unknown id in a list is an error, and an id of another form too.
  const request = new DescribeInstancesCommand({
    Filters: [{ Name: 'instance-id', Values: [id] }],
  })
  const { Reservations = [] } = await ec2.send(request, signal)
  return Reservations.flatMap(({ Instances = [] }) => Instances)[0]
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

const STATES: ReadonlyMap<string, InstanceState> = new Map([
  ['pending', 'pending'],
  ['running', 'running'],
  ['shutting-down', 'stopping'],
  ['stopping', 'stopping'],
  ['stopped', 'stopped'],
  ['terminated', 'terminated'],
])

function toStatus(
  id: string,
  name: string | undefined,
  reason: string | undefined,
): InstanceStatus {
  // One that EC2 shows is there: in a state that is not known here it may write to its disks, as it may where it runs.
  const state = STATES.get(name ?? '') ?? 'running'
  // `User initiated (2024-05-01 12:00:00 GMT)`
  const time = /\((\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) GMT\)/.exec(reason ?? '')
  return { id, state, ...(time && { since: new Date(`${time[1]}T${time[2]}Z`) }) }
}

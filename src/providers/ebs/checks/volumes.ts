import type { Volume as Ec2Volume } from '@aws-sdk/client-ec2'
import type { Check, Finding } from '../../../libstorage/check.ts'
import type { Volume } from '../../../libstorage/types.ts'
import { isGone, isRootDisk, toVolume } from '../volume.ts'
import type { Examined } from './examined.ts'
import { pass, warn } from './findings.ts'
import { refused } from './refusals.ts'

/** The volumes of a service: how many are there, whose they are, and which names mean several of them. */
export function volumesCheck(examined: Examined): Check {
  return {
    id: 'ebs.volumes',
    title: 'the volumes that are there',
    after: ['ebs.metadata', 'ebs.identity', 'ebs.endpoint', 'ebs.credentials', 'ebs.caller'],
    async run() {
      try {
        const [{ region }, zone] = await Promise.all([examined.own(), examined.zone()])
        const all = ownVolumes(examined, await examined.volumes())
        const here = all.filter((one) => one.zone === zone)
        const managed = all.filter(({ managed }) => managed).length
        const there = zone === undefined ? '' : `, in ${zone}: ${here.length}`
        const seen = `volumes with a name in ${region}: ${all.length}, made by Remora: ${managed}${there}`
        return [...namesakes(here), ...broken(all), pass(seen)]
      } catch (error) {
        return [await refused(examined, 'ec2:DescribeVolumes', error)]
      }
    },
  }
}

/** Those of the volumes that this service looks after, with or without Remora's tag. */
export function ownVolumes({ settings }: Examined, seen: readonly Ec2Volume[]): readonly Volume[] {
  const scope = { prefix: settings.tag ?? '', rexraySet: settings.rexrayTag ?? '' }
  return seen
    .filter((one) => !isGone(one) && !isRootDisk(one))
    .filter(({ Tags = [] }) =>
      scope.rexraySet === ''
        ? true
        : Tags.some(({ Key, Value }) => Key === 'rexraySet' && Value === scope.rexraySet),
    )
    .map((one) => toVolume(one, scope))
    .filter(({ name, managedBy }) => name !== '' && managedBy === undefined)
}

function namesakes(here: readonly Volume[]): Finding[] {
  const names = [...new Set(here.map(({ name }) => name))]
  return names.flatMap((name) => {
    const volumes = here.filter((one) => one.name === name)
    return volumes.length === 1
      ? []
      : [
          warn(
            `${volumes.length} volumes of ${volumes[0]?.zone} are called ${JSON.stringify(name)}: ${volumes.map(({ id }) => id).join(', ')}`,
            ...volumes
              .slice(1)
              .map(
                ({ id }) =>
                  `aws ec2 create-tags --resources ${id} --tags Key=Name,Value=<another name>`,
              ),
          ),
        ]
  })
}

function broken(all: readonly Volume[]): Finding[] {
  return all
    .filter(({ state }) => state === 'error')
    .map(({ id, name }) =>
      warn(
        `${id} (${name}) is in state error on EBS`,
        `aws ec2 describe-volume-status --volume-ids ${id}`,
        'restore it from a snapshot, and delete it',
      ),
    )
}

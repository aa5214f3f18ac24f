import { DescribeSnapshotsCommand } from '@aws-sdk/client-ec2'
import type { Check, Finding } from '../../../libstorage/check.ts'
import type { Volume } from '../../../libstorage/types.ts'
import { throwIfAborted } from '../../../libstorage/wait.ts'
import { partitionOf } from '../partition.ts'
import { MANAGED_TAG } from '../tags.ts'
import { type DryOutcome, dryRun, type Trial, trialHindrance } from './dry-runs.ts'
import type { Examined } from './examined.ts'
import { pass, skip } from './findings.ts'
import { deniedIn, type Judged, judge } from './judgement.ts'
import type { Need } from './needs.ts'
import { type Place, simulate, simulateOn, tagsFor } from './questions.ts'
import { type Simulated, Simulation, whyNotSimulated } from './simulation.ts'
import { ownVolumes } from './volumes.ts'

/** What the policies say, or why that is not known. */
type Policies =
  | {
      readonly simulation: Simulation
      /** Of the volume that things are tried on, and of the same one with Remora's tag. */
      readonly asIs: ReadonlyMap<string, Simulated>
      readonly ifTagged: ReadonlyMap<string, Simulated>
    }
  | { readonly why: string }

/** Each permission that is needed: tried with EC2, simulated with IAM, and where one says no, which of the two and why. */
export function permissionsCheck(examined: Examined, needs: readonly Need[]): Check {
  return {
    id: 'ebs.permissions',
    title: 'permissions',
    after: ['ebs.metadata', 'ebs.identity', 'ebs.endpoint', 'ebs.credentials', 'ebs.caller'],
    async run(signal) {
      const samples = await samplesOf(examined)
      const { region, instanceId } = await examined.own()
      const partition = partitionOf(region)
      const [policies, outcomes] = await Promise.all([
        policiesOf(examined, samples[0]),
        triedOn(examined, needs, samples, signal),
      ])
      throwIfAborted(signal)
      const judged = needs.flatMap((need) =>
        judgedNeed(need, { outcomes, policies, samples, partition, instanceId }),
      )
      return summary(judged, 'why' in policies ? policies.why : undefined)
    },
  }
}

/** What is denied, each action once though several requests may need it, and in a line each what is open and what is allowed. */
function summary(judged: readonly Judged[], why: string | undefined): readonly Finding[] {
  const first = judged.filter(
    ({ denied }, at) =>
      denied === undefined || judged.findIndex((one) => one.denied === denied) === at,
  )
  const all = judged.flatMap(({ open }) => open ?? [])
  const open = [...new Set(all.map((one) => one.why))].map((reason) => {
    const actions = all.filter((one) => one.why === reason).map(({ action }) => action)
    return `${actions.join(', ')} (${reason})`
  })
  const allowed = judged.flatMap((one) => one.allowed ?? [])
  const byTag = judged.flatMap((one) => one.byTag ?? [])
  const how = why === undefined ? "EC2's dry runs and IAM's simulation" : `EC2's dry runs; ${why}`
  return [
    ...first.flatMap(({ finding }) => finding ?? []),
    ...(open.length === 0
      ? []
      : [
          skip(
            `neither tried nor simulated: ${open.join('; ')}${why === undefined ? '' : `; ${why}`}`,
          ),
        ]),
    ...forOthers(byTag),
    ...(allowed.length === 0 ? [] : [pass(`allowed: ${allowed.join(', ')} (${how})`)]),
  ]
}

/** What a condition on tags forbids of volumes that nothing has to be done with here: that is what it is for. */
function forOthers(all: readonly NonNullable<Judged['byTag']>[]): readonly Finding[] {
  const [first] = all
  if (first === undefined) return []
  const { id, name } = first.volume
  const actions = [...new Set(all.map(({ action }) => action))].join(', ')
  return [
    pass(
      `a condition on tags denies ${actions} on volumes without the tag ${MANAGED_TAG}=true, such as ${id} (${name}), which this instance does not have; one that shall be used here needs it: aws ec2 create-tags --resources ${id} --tags Key=${MANAGED_TAG},Value=true`,
    ),
  ]
}

/**
 * One volume of each kind that there is, that without Remora's tag first: it shows what a condition on tags forbids. One that
 * this instance does not have may be anybody's, and says nothing unless there is one with the tag beside it.
 */
async function samplesOf(examined: Examined): Promise<readonly Volume[]> {
  const { instanceId } = await examined.own()
  const all = await examined.volumes().then(
    (seen) => ownVolumes(examined, seen),
    () => [],
  )
  const managed = all.find((one) => one.managed)
  const others = all.filter((one) => !one.managed)
  const other = others.find((one) => isOn(instanceId, one)) ?? (managed && others[0])
  return [other, managed].filter((one) => one !== undefined)
}

function isOn(instance: string, { attachments }: Volume): boolean {
  return attachments.some(({ instanceId }) => instanceId === instance)
}

async function policiesOf(examined: Examined, sample: Volume | undefined): Promise<Policies> {
  try {
    const [simulation, { region, instanceId }, { account }] = await Promise.all([
      Simulation.of(examined),
      examined.own(),
      examined.caller(),
    ])
    const place: Place = { region, instanceId, account }
    const { id, ...kind } = sample ?? { id: 'vol-*', name: 'doctor', managed: true }
    const tagged = { id, tags: tagsFor({ ...kind, managed: true }) }
    const [asIs, ifTagged] = await Promise.all([
      simulate(simulation, examined, place, { id, tags: tagsFor(kind) }),
      simulateOn(simulation, place, tagged),
    ])
    return { simulation, asIs, ifTagged }
  } catch (error) {
    return { why: whyNotSimulated(error) }
  }
}

/** What EC2 says of each action on each of the samples, by the id of the volume; by none where there is no volume. */
type Outcomes = ReadonlyMap<
  string,
  readonly { readonly volume?: Volume; readonly dry: DryOutcome }[]
>

async function triedOn(
  examined: Examined,
  needs: readonly Need[],
  samples: readonly Volume[],
  signal: AbortSignal,
): Promise<Outcomes> {
  const [{ instanceId }, zone] = await Promise.all([examined.own(), examined.zone()])
  const hindrance = await trialHindrance(examined, signal)
  const snapshotId = await someSnapshot(examined, signal)
  const tried = needs.map(async (need) => {
    const trials: readonly Trial[] = need.on.includes('volume')
      ? samples.map((volume) => ({ zone, instanceId, volume }))
      : [{ zone, instanceId, snapshotId }]
    const outcomes = await Promise.all(
      trials.map(async (trial, index) => {
        const isSnapshotMissing = need.on.includes('snapshot') && snapshotId === undefined
        const dry: DryOutcome = isSnapshotMissing
          ? { is: 'unknown', why: 'there is no snapshot to try it on' }
          : await dryRun(examined, need.action, trial, { hindrance, signal })
        const volume = need.on.includes('volume') ? samples[index] : undefined
        return { ...(volume && { volume }), dry }
      }),
    )
    const none = { dry: { is: 'unknown', why: 'there is no volume to try it on' } } as const
    return [need.action, outcomes.length === 0 ? [none] : outcomes] as const
  })
  return new Map(await Promise.all(tried))
}

async function someSnapshot(examined: Examined, signal: AbortSignal): Promise<string | undefined> {
  const request = new DescribeSnapshotsCommand({
    OwnerIds: ['self'],
    Filters: [{ Name: `tag:${MANAGED_TAG}`, Values: ['true'] }],
    MaxResults: 5,
  })
  const asked = examined.send(request, signal).then(
    ({ Snapshots = [] }) => Snapshots[0]?.SnapshotId,
    () => undefined,
  )
  return await asked
}

interface Known {
  readonly outcomes: Outcomes
  readonly policies: Policies
  readonly samples: readonly Volume[]
  readonly partition: string
  readonly instanceId: string
}

function judgedNeed(
  need: Need,
  { outcomes, policies, samples, partition, instanceId }: Known,
): readonly Judged[] {
  const of = outcomes.get(need.action) ?? []
  const denied = of.find(({ dry }) => dry.is === 'denied')
  const one = denied ?? of.find(({ dry }) => dry.is === 'unknown') ?? of[0]
  if (one === undefined) return []
  const denying = deniedIn({ need, dry: one.dry })
  const asked = 'why' in policies ? undefined : policies.asIs.get(denying)
  const ifTagged = 'why' in policies ? undefined : policies.ifTagged.get(denying)
  return [
    judge({
      need,
      partition,
      dry: one.dry,
      volume: one.volume,
      isHere: one.volume !== undefined && isOn(instanceId, one.volume),
      // What is allowed on the one and not on the other is so by its tags.
      isAllowedElsewhere: of.some(({ dry }) => dry.is === 'allowed'),
      // The simulation is about the first sample, as the others are allowed if it is.
      simulated: one.volume === undefined || one.volume === samples[0] ? asked : ifTagged,
      ifTagged,
      ...('why' in policies ? { why: policies.why } : { source: policies.simulation.source }),
    }),
  ]
}

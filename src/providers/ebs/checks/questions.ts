import type { Volume } from '../../../libstorage/types.ts'
import { partitionOf } from '../partition.ts'
import { MANAGED_TAG } from '../tags.ts'
import { newTags } from './dry-runs.ts'
import type { Examined } from './examined.ts'
import { NEEDS, type Target } from './needs.ts'
import type { Simulated, Simulation } from './simulation.ts'

/** What permissions are looked at for. */
export interface Place {
  readonly region: string
  readonly account: string
  readonly instanceId: string
}

type Context = Readonly<Record<string, string | readonly string[]>>
type Answers = ReadonlyMap<string, Simulated>

/** What the policies of the caller say, by action: the gravest of all that an action is about. */
export async function simulate(
  simulation: Simulation,
  { settings }: Examined,
  { region, account, instanceId }: Place,
  volume: { readonly id: string; readonly tags: Readonly<Record<string, string>> },
): Promise<Answers> {
  const arn = (kind: string, id: string) =>
    `arn:${partitionOf(region)}:ec2:${region}:${account}:${kind}/${id}`
  const snapshots = `arn:${partitionOf(region)}:ec2:${region}::snapshot/*`
  const making = requestContext(newTags(settings))
  const makingOf = (action: string) => ({ ...making, 'ec2:CreateAction': action })
  const tags = resourceContext(volume.tags)
  const ask = (actions: readonly string[], resource: string, context: Context) =>
    simulation.ask({ actions, resource, context })
  return gravest(
    await Promise.all([
      ask(actionsOn('nothing'), '*', {}),
      ask(actionsOn('new volume'), arn('volume', '*'), makingOf('CreateVolume')),
      ask(['ec2:CreateSnapshot'], snapshots, makingOf('CreateSnapshot')),
      ask(['ec2:CopySnapshot'], snapshots, makingOf('CopySnapshot')),
      ask(actionsOn('volume'), arn('volume', volume.id), tags),
      ask(actionsOn('instance'), arn('instance', instanceId), {}),
      ask(actionsOn('snapshot'), snapshots, resourceContext({ [MANAGED_TAG]: 'true' })),
    ]),
  )
}

/** What the policies say of volumes with these tags alone. */
export function simulateOn(
  simulation: Simulation,
  { region, account }: Place,
  { id, tags }: { readonly id: string; readonly tags: Readonly<Record<string, string>> },
): Promise<Answers> {
  const resource = `arn:${partitionOf(region)}:ec2:${region}:${account}:volume/${id}`
  return simulation.ask({ actions: actionsOn('volume'), resource, context: resourceContext(tags) })
}

/** Tags by which a volume that Remora has made is told from one that it has not. */
export function tagsFor({
  name,
  managed,
}: Pick<Volume, 'name' | 'managed'>): Record<string, string> {
  return { Name: name, ...(managed && { [MANAGED_TAG]: 'true' }) }
}

function actionsOn(target: Target): string[] {
  return NEEDS.filter(({ on }) => on.includes(target)).map(({ action }) => action)
}

function requestContext(
  tags: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[],
): Context {
  const entries = tags.map(({ Key = '', Value = '' }) => [`aws:RequestTag/${Key}`, Value] as const)
  return { ...Object.fromEntries(entries), 'aws:TagKeys': tags.map(({ Key = '' }) => Key) }
}

function resourceContext(tags: Readonly<Record<string, string>>): Context {
  const entries = Object.entries(tags).flatMap(([key, value]) => [
    [`aws:ResourceTag/${key}`, value] as const,
    [`ec2:ResourceTag/${key}`, value] as const,
  ])
  return Object.fromEntries(entries)
}

const GRAVITY = ['allowed', 'implicitDeny', 'explicitDeny'] as const

function gravest(all: readonly Answers[]): Answers {
  const found = new Map<string, Simulated>()
  for (const [action, one] of all.flatMap((answers) => [...answers])) {
    const known = found.get(action)
    const isGraver =
      known === undefined || GRAVITY.indexOf(one.decision) > GRAVITY.indexOf(known.decision)
    if (isGraver) found.set(action, one)
  }
  return found
}

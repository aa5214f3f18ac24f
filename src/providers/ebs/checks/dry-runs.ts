import {
  AttachVolumeCommand,
  CopySnapshotCommand,
  CopyVolumesCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  DescribeVolumesModificationsCommand,
  DetachVolumeCommand,
  ModifyVolumeCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2'
import { throwIfAborted } from '../../../libstorage/wait.ts'
import { tagsOfNew } from '../tags.ts'
import { whereEc2Is } from '../where.ts'
import type { Examined } from './examined.ts'
import { codeOf, saidBy } from './findings.ts'

/** What EC2 answers to a request that it is told not to carry out. */
export type DryOutcome =
  | { readonly is: 'allowed' }
  /** `action` and `resource`: what EC2 names, where a request needs several; `encoded`: what STS can decode. */
  | {
      readonly is: 'denied'
      readonly said: string
      readonly action?: string
      readonly resource?: string
      readonly encoded?: string
    }
  | { readonly is: 'unknown'; readonly why: string }

/** What requests are tried on. */
export interface Trial {
  /** Undefined where it is not known. */
  readonly zone: string | undefined
  readonly instanceId: string
  readonly volume?: { readonly id: string; readonly sizeGiB: number } | undefined
  readonly snapshotId?: string | undefined
}

type Send = (examined: Examined, trial: Trial, signal: AbortSignal) => Promise<unknown>

const DryRun = true
/** The endpoints of AWS itself (AWS General Reference, "Service endpoints"). */
const AWS_HOST = /\.amazonaws\.com(\.cn)?$/

/** Requests that look only: one that is carried out after all is no harm. */
const LOOKING: Readonly<Record<string, Send>> = {
  'ec2:DescribeVolumes': ({ send }, _, signal) =>
    send(new DescribeVolumesCommand({ DryRun, MaxResults: 5 }), signal),
  'ec2:DescribeInstances': ({ send }, _, signal) =>
    send(new DescribeInstancesCommand({ DryRun, MaxResults: 5 }), signal),
  'ec2:DescribeInstanceTypes': ({ send }, _, signal) =>
    send(new DescribeInstanceTypesCommand({ DryRun, MaxResults: 5 }), signal),
  'ec2:DescribeSnapshots': ({ send }, _, signal) =>
    send(new DescribeSnapshotsCommand({ DryRun, OwnerIds: ['self'], MaxResults: 5 }), signal),
  'ec2:DescribeVolumesModifications': ({ send }, _, signal) =>
    send(new DescribeVolumesModificationsCommand({ DryRun, MaxResults: 5 }), signal),
}

const createVolume: Send = ({ send, settings }, { zone }, signal) =>
  send(
    new CreateVolumeCommand({
      DryRun,
      AvailabilityZone: zone,
      Size: 1,
      VolumeType: 'gp3',
      TagSpecifications: [{ ResourceType: 'volume', Tags: newTags(settings) }],
    }),
    signal,
  )

const CHANGING: Readonly<Record<string, Send>> = {
  'ec2:CreateVolume': createVolume,
  // Tags are only given to what is being made.
  'ec2:CreateTags': createVolume,
  'ec2:AttachVolume': ({ send }, { volume, instanceId }, signal) =>
    send(
      new AttachVolumeCommand({
        DryRun,
        VolumeId: volume?.id,
        InstanceId: instanceId,
        Device: '/dev/xvdba',
      }),
      signal,
    ),
  'ec2:DetachVolume': ({ send }, { volume, instanceId }, signal) =>
    send(new DetachVolumeCommand({ DryRun, VolumeId: volume?.id, InstanceId: instanceId }), signal),
  'ec2:DeleteVolume': ({ send }, { volume }, signal) =>
    send(new DeleteVolumeCommand({ DryRun, VolumeId: volume?.id }), signal),
  'ec2:ModifyVolume': ({ send }, { volume }, signal) =>
    send(new ModifyVolumeCommand({ DryRun, VolumeId: volume?.id, Size: volume?.sizeGiB }), signal),
  'ec2:CreateSnapshot': ({ send, settings }, { volume }, signal) =>
    send(
      new CreateSnapshotCommand({
        DryRun,
        VolumeId: volume?.id,
        TagSpecifications: [{ ResourceType: 'snapshot', Tags: newTags(settings) }],
      }),
      signal,
    ),
  'ec2:CopySnapshot': async ({ send, own, settings }, { snapshotId }, signal) =>
    send(
      new CopySnapshotCommand({
        DryRun,
        SourceRegion: (await own()).region,
        SourceSnapshotId: snapshotId,
        TagSpecifications: [{ ResourceType: 'snapshot', Tags: newTags(settings) }],
      }),
      signal,
    ),
  'ec2:DeleteSnapshot': ({ send }, { snapshotId }, signal) =>
    send(new DeleteSnapshotCommand({ DryRun, SnapshotId: snapshotId }), signal),
  'ec2:CopyVolumes': ({ send, settings }, { volume }, signal) =>
    send(
      new CopyVolumesCommand({
        DryRun,
        SourceVolumeId: volume?.id,
        TagSpecifications: [{ ResourceType: 'volume', Tags: newTags(settings) }],
      }),
      signal,
    ),
  'ec2:StopInstances': ({ send }, { instanceId }, signal) =>
    send(new StopInstancesCommand({ DryRun, InstanceIds: [instanceId] }), signal),
}

/** The tags of something new, as the provider gives them. */
export function newTags({ tag = '', rexrayTag = '' }: Examined['settings']) {
  return tagsOfNew({ prefix: tag, rexraySet: rexrayTag }, { name: 'doctor', labels: {} })
}

/**
 * Tries an action without doing it. One that changes something is not even tried where `hindrance`, a clause, says why the
 * endpoint might carry it out.
 */
export async function dryRun(
  examined: Examined,
  action: string,
  trial: Trial,
  { hindrance, signal }: { readonly hindrance: string | undefined; readonly signal: AbortSignal },
): Promise<DryOutcome> {
  const looking = LOOKING[action]
  if (looking !== undefined) return await outcomeOf(looking(examined, trial, signal), signal)
  const changing = CHANGING[action]
  if (changing === undefined) throw new Error(`${action} cannot be tried`)
  if (hindrance !== undefined) return { is: 'unknown', why: hindrance }
  const outcome = await outcomeOf(changing(examined, trial, signal), signal)
  const isOther = outcome.is === 'denied' && (outcome.action ?? 'ec2:CreateVolume') !== action
  return action === 'ec2:CreateTags' && isOther
    ? { is: 'unknown', why: 'ec2:CreateVolume is denied' }
    : outcome
}

/**
 * Why nothing that changes something is tried at the endpoint, as a clause, or undefined where it may be: at AWS itself,
 * which answers `DryRunOperation` to a look that it shall only try. Others may know `DryRun` of some actions alone.
 */
export async function trialHindrance(
  examined: Examined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { region } = await examined.own()
  const url = await whereEc2Is(examined.settings, region)
  const { host, hostname } = new URL(url)
  if (!AWS_HOST.test(hostname) && host !== examined.surroundings.dryRunsAt)
    return `this endpoint is ${hostname}, which is not known to obey DryRun`
  const request = new DescribeInstancesCommand({ DryRun, MaxResults: 5 })
  try {
    await examined.send(request, signal)
    return 'this endpoint does not know DryRun'
  } catch (error) {
    throwIfAborted(signal)
    if (codeOf(error) === 'DryRunOperation') return undefined
    return `this endpoint did not show that it knows DryRun: ${saidBy(error)}`
  }
}

async function outcomeOf(sent: Promise<unknown>, signal: AbortSignal): Promise<DryOutcome> {
  try {
    await sent
    return { is: 'allowed' }
  } catch (error) {
    throwIfAborted(signal)
    const code = codeOf(error)
    if (code === 'DryRunOperation') return { is: 'allowed' }
    const said = saidBy(error)
    return code === 'UnauthorizedOperation' ? denial(said) : { is: 'unknown', why: said }
  }
}

/** `… is not authorized to perform: ec2:CreateTags on resource: … Encoded authorization failure message: …` */
function denial(said: string): DryOutcome {
  const [words = '', encoded] = said.split(/\.? *Encoded authorization failure message: */)
  const [, action, resource] =
    /not authorized to perform: (\S+)(?: on resource: (\S+))?/.exec(words) ?? []
  return {
    is: 'denied',
    said: words.trim(),
    ...(action !== undefined && { action }),
    ...(resource !== undefined && { resource }),
    ...(encoded && { encoded }),
  }
}

import { ApiError } from './api-error.ts'
import { attachVolume, detachVolume } from './attachment-actions.ts'
import { modifyVolume } from './change-actions.ts'
import {
  describeInstances,
  describeInstanceTypes,
  describeModifications,
  describeSnapshots,
  describeVolumes,
} from './describe-actions.ts'
import type { Form } from './form.ts'
import { stop } from './instance-life.ts'
import type { Region } from './region.ts'
import { copySnapshot, createSnapshot, deleteSnapshot } from './snapshot-actions.ts'
import {
  attachmentXml,
  copyXml,
  modificationXml,
  snapshotXml,
  stateXml,
  volumeXml,
} from './views.ts'
import { copyVolume, createVolume, deleteVolume, requireIdForm } from './volume-actions.ts'
import type { Xml } from './xml.ts'

type Action = (region: Region, form: Form) => { readonly [name: string]: Xml }

const DONE = { return: true }

const ACTIONS: Readonly<Record<string, Action>> = {
  CreateVolume: (region, form) => volumeXml(createVolume(region, form)),
  CopyVolumes: (region, form) => ({ volumeSet: [volumeXml(copyVolume(region, form))] }),
  DeleteVolume(region, form) {
    deleteVolume(region, form)
    return DONE
  },
  AttachVolume: (region, form) => {
    const attachment = attachVolume(region, form)
    // The answer alone has milliseconds.
    return attachmentXml({ ...attachment, time: new Date(attachment.time.getTime() + 432) })
  },
  DetachVolume: (region, form) => attachmentXml(detachVolume(region, form)),
  ModifyVolume: (region, form) => ({
    volumeModification: modificationXml(modifyVolume(region, form)),
  }),
  DescribeVolumes: describeVolumes,
  DescribeVolumesModifications: describeModifications,
  DescribeInstances: describeInstances,
  DescribeInstanceTypes: describeInstanceTypes,
  DescribeSnapshots: describeSnapshots,
  CreateSnapshot: (region, form) => snapshotXml(region, createSnapshot(region, form)),
  CopySnapshot: (region, form) => copyXml(copySnapshot(region, form)),
  DeleteSnapshot(region, form) {
    deleteSnapshot(region, form)
    return DONE
  },
  GetEbsEncryptionByDefault: ({ defaultKey }) => ({
    ebsEncryptionByDefault: defaultKey !== undefined,
  }),
  GetEbsDefaultKmsKeyId: ({ defaultKey }) => ({ kmsKeyId: defaultKey ?? 'alias/aws/ebs' }),
  StopInstances: stopInstances,
  CreateTags: createTags,
}

/** Does what a request asks for. Who may not do it, or only tries, is told so before anything else. */
export function perform(region: Region, form: Form): { readonly [name: string]: Xml } {
  const name = form.text('Action') ?? ''
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
  if (action === undefined)
    throw new ApiError('InvalidAction', `The action ${name} is not valid for this web service.`)
  if (region.denied.has(name))
    throw new ApiError(
      'UnauthorizedOperation',
      `You are not authorized to perform this operation. Encoded authorization failure message: x`,
      403,
    )
  if (form.flag('DryRun') && region.obeysDryRun)
    throw new ApiError(
      'DryRunOperation',
      'Request would have succeeded, but DryRun flag is set.',
      412,
    )
  return action(region, form)
}

function stopInstances(region: Region, form: Form): { readonly [name: string]: Xml } {
  const instancesSet = form.texts('InstanceId').map((id) => {
    const before = region.instance(id)
    stop(region, id, form.flag('Force'))
    return {
      instanceId: id,
      currentState: stateXml(region.instance(id)),
      previousState: stateXml(before),
    }
  })
  return { instancesSet }
}

function createTags(region: Region, form: Form): { readonly [name: string]: Xml } {
  const added = Object.fromEntries(form.tags())
  for (const id of form.texts('ResourceId').map(requireIdForm))
    region.change(id, { tags: { ...region.volume(id).tags, ...added } })
  return DONE
}

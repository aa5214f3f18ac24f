import { describe, expect, test } from 'vitest'
import {
  type Broken,
  changeInstance,
  clinicForEach,
  foreignVolume,
  foreignVolumeHere,
  ownSnapshot,
  ownVolume,
  testBroken,
} from '../../../support/ebs-broken.ts'
import {
  ASKING,
  allow,
  deny,
  type EbsClinic,
  linesOf,
  PRINTED,
  policy,
} from '../../../support/ebs-clinic.ts'

/** The printed policy without one action. */
const withoutAction = (action: string) => {
  const statements = PRINTED.document.Statement.map((one) => ({
    ...one,
    Action: [one.Action ?? []].flat().filter((name) => name !== action),
  }))
  return policy('volumes', ...statements)
}
/** Allows what is done with volumes to those with the tag alone. */
const TAGGED = policy(
  'tagged',
  {
    Effect: 'Allow',
    Action: ['ec2:AttachVolume', 'ec2:DeleteVolume'],
    Resource: 'arn:aws:ec2:*:*:volume/*',
    Condition: { StringEquals: { 'aws:ResourceTag/remora/managed': 'true' } },
  },
  { Effect: 'Allow', Action: 'ec2:AttachVolume', Resource: 'arn:aws:ec2:*:*:instance/*' },
)
/** Gives the caller a volume and these policies. */
const withVolume = async (clinic: EbsClinic, ...policies: Parameters<EbsClinic['allow']>) => {
  await ownVolume(clinic)
  clinic.allow(...policies)
  return undefined
}

const BROKEN: readonly Broken[] = [
  {
    title: 'no policy allows one action',
    arrange: (clinic) => withVolume(clinic, [withoutAction('ec2:AttachVolume'), ASKING]),
    says: /^ebs.permissions: ec2:AttachVolume on vol-\S+ \(data\) is denied by EC2 and by IAM's simulation: no policy of role node allows it/,
    remedy:
      /^add to the policy of role node: \{"Sid":"UseVolumes","Effect":"Allow","Action":\["ec2:AttachVolume"\]/,
  },
  {
    title: 'no policy allows one action to a user',
    arrange: (clinic) =>
      withVolume(clinic, [withoutAction('ec2:DetachVolume'), ASKING], { kind: 'user' }),
    says: /^ebs.permissions: ec2:DetachVolume on vol-\S+ \(data\) is denied by EC2 and by IAM's simulation: no policy of user node allows it/,
  },
  {
    title: 'no policy allows tags',
    arrange: (clinic) => {
      clinic.allow([withoutAction('ec2:CreateTags'), ASKING])
      return undefined
    },
    says: /^ebs.permissions: ec2:CreateTags is denied \(ec2:CreateVolume needs it\) by EC2 and by IAM's simulation: no policy of role node allows it/,
    remedy: /"Action":\["ec2:CreateTags"\]/,
  },
  {
    title: 'no policy allows volumes to be seen',
    arrange: (clinic) => {
      clinic.allow([withoutAction('ec2:DescribeVolumes'), ASKING])
      return undefined
    },
    says: /^ebs.volumes: ec2:DescribeVolumes is denied: UnauthorizedOperation/,
    remedy: /"Action":\["ec2:DescribeVolumes"\]/,
  },
  {
    title: 'a Deny forbids one action',
    arrange: (clinic) =>
      withVolume(clinic, [PRINTED, ASKING, policy('no-deletes', deny('ec2:Delete*'))]),
    says: /^ebs.permissions: ec2:DeleteVolume on vol-\S+ \(data\) is denied by EC2 and by IAM's simulation: a Deny in no-deletes of role node/,
    remedy: /^take ec2:DeleteVolume out of the Deny in no-deletes/,
  },
  {
    title: 'a NotAction leaves one action out',
    arrange: (clinic) =>
      withVolume(clinic, [
        policy('nearly-all', { Effect: 'Allow', NotAction: ['ec2:DetachVolume'], Resource: '*' }),
      ]),
    says: /^ebs.permissions: ec2:DetachVolume on vol-\S+ \(data\) is denied by EC2 and by IAM's simulation: no policy/,
  },
  {
    title: 'the instance is not among the resources',
    arrange: (clinic) =>
      withVolume(clinic, [
        withoutAction('ec2:AttachVolume'),
        ASKING,
        policy('volumes-only', {
          Effect: 'Allow',
          Action: 'ec2:AttachVolume',
          Resource: 'arn:aws:ec2:*:*:volume/*',
        }),
      ]),
    says: /^ebs.permissions: ec2:AttachVolume on i-\S+ is denied by EC2 and by IAM's simulation: no policy/,
  },
  {
    title: 'the permissions boundary does not allow one action',
    arrange: (clinic) => {
      const all = { Effect: 'Allow', NotAction: 'ec2:ModifyVolume', Resource: '*' } as const
      return withVolume(clinic, [PRINTED, ASKING], { boundary: policy('edge', all) })
    },
    says: /^ebs.permissions: ec2:ModifyVolume .* by IAM's simulation: the permissions boundary of role node does not allow it \(arn:aws:iam::123456789012:policy\/edge\)/,
    remedy: /^add to the permissions boundary arn:aws:iam::123456789012:policy\/edge: /,
  },
  {
    title: 'a service control policy forbids one action, which no simulation sees',
    arrange: ({ account }) => {
      account.organization = policy('scp', allow('*'), deny('ec2:CreateVolume'))
      return undefined
    },
    says: /^ebs.permissions: ec2:CreateVolume is denied by EC2, though the policies of role node allow it: a service control policy/,
    remedy: /aws sts decode-authorization-message --encoded-message \S/,
  },
  {
    title: "a condition on tags forbids REX-Ray's volumes",
    arrange: async (clinic) => {
      await foreignVolumeHere(clinic)
      clinic.allow([withoutAction('ec2:AttachVolume'), ASKING, TAGGED])
      return undefined
    },
    says: /^ebs.permissions: ec2:AttachVolume on vol-\S+ \(old\) is denied by a condition on tags: it is allowed with the tag remora\/managed=true, which this volume lacks/,
    remedy: /^aws ec2 create-tags --resources vol-\S+ --tags Key=remora\/managed,Value=true/,
  },
  {
    title: 'a condition on tags forbids some volumes, and nothing may be simulated',
    arrange: async (clinic) => {
      await foreignVolumeHere(clinic)
      await ownVolume(clinic)
      clinic.allow([withoutAction('ec2:DeleteVolume'), TAGGED])
      return undefined
    },
    says: /^ebs.permissions: ec2:DeleteVolume on vol-\S+ \(old\) is denied by a condition on tags/,
  },
  {
    title: 'one action is denied, and nothing may be simulated',
    arrange: (clinic) => {
      clinic.allow([withoutAction('ec2:CreateVolume')])
      return undefined
    },
    says: /^ebs.permissions: ec2:CreateVolume is denied by EC2 \(.*\); which policy says so is not known, as the caller may not ask iam:SimulatePrincipalPolicy/,
  },
  {
    title: 'the only action that is denied could not be tried',
    arrange: (clinic) => {
      clinic.allow([withoutAction('ec2:DeleteVolume'), ASKING])
      return undefined
    },
    says: /^ebs.permissions: ec2:DeleteVolume is denied, says IAM's simulation: no policy of role node allows it/,
  },
  {
    title: 'copies of snapshots alone are not allowed',
    arrange: async (clinic) => {
      await ownSnapshot(clinic)
      clinic.allow([withoutAction('ec2:CopySnapshot'), ASKING])
      return undefined
    },
    says: /^ebs.permissions: ec2:CopySnapshot is denied by EC2 and by IAM's simulation: no policy of role node allows it; without it no snapshot is copied/,
    remedy: /"Sid":"MakeSnapshots",.*"Action":\["ec2:CopySnapshot"\].*"Sid":"UseSnapshots"/,
    works: true,
  },
  {
    title: 'fencing alone is not allowed',
    arrange: (clinic) => {
      clinic.allow([PRINTED, ASKING])
      clinic.stopsMachines = true
      return undefined
    },
    says: /^ebs.permissions: ec2:StopInstances on i-\S+ is denied .*; without it preempt: fence cannot stop another machine/,
    remedy: /"Action":\["ec2:StopInstances"\]/,
    works: true,
  },
]

describe('where something is not allowed', () => {
  const { current } = clinicForEach()
  testBroken(BROKEN, current)
})

describe('permissions', () => {
  const { current } = clinicForEach()
  const CHANGES = /^(Create|Delete|Attach|Detach|Modify|Copy|Stop)/

  test('are all allowed by the printed policy, and nothing is said against it', async () => {
    await ownVolume(current())
    const results = await current().examine()
    for (const verdict of ['fail', 'warn', 'skip'] as const)
      expect(linesOf(results, verdict)).toEqual([])
  })

  test('are tried without a change', async () => {
    const clinic = current()
    const ids = [await ownVolume(clinic), await foreignVolume(clinic)]
    const { region } = clinic.simulator
    const before = ids.map((id) => region.volume(id))
    clinic.simulator.takeCounts()
    await clinic.examine()
    const calls = clinic.simulator.calls.filter(({ action }) => CHANGES.test(action))
    expect(calls.length).toBeGreaterThan(10)
    expect(calls.filter(({ parameters }) => parameters['DryRun'] !== 'true')).toEqual([])
    expect(ids.map((id) => region.volume(id))).toEqual(before)
  })

  test('are not tried where an endpoint would carry the try out', async () => {
    const clinic = current()
    await ownVolume(clinic)
    clinic.simulator.region.obeysDryRun = false
    clinic.simulator.takeCounts()
    const results = await clinic.examine()
    expect(clinic.simulator.calls.filter(({ action }) => CHANGES.test(action))).toEqual([])
    expect(linesOf(results, 'fail')).toEqual([])
    clinic.allow([PRINTED])
    expect(linesOf(await clinic.examine(), 'skip').join('\n')).toMatch(
      /neither tried nor simulated: .*ec2:DeleteVolume.* \(this endpoint does not know DryRun\); .*; the caller may not ask iam:Sim/,
    )
  })

  test('are not tried at an endpoint that is none of AWS, though it says that it knows DryRun', async () => {
    const clinic = current()
    clinic.isTrusted = false
    await ownVolume(clinic)
    clinic.simulator.takeCounts()
    const results = await clinic.examine()
    expect(clinic.simulator.calls.filter(({ action }) => CHANGES.test(action))).toEqual([])
    expect(linesOf(results, 'fail')).toEqual([])
    clinic.allow([PRINTED])
    expect(linesOf(await clinic.examine(), 'skip').join('\n')).toMatch(
      /neither tried nor simulated: .*\(this endpoint is 127\.0\.0\.1, which is not known to obey DryRun\)/,
    )
  })

  test('are not tried where the look that shall prove DryRun is denied, which proves nothing', async () => {
    const clinic = current()
    await ownVolume(clinic)
    clinic.allow([withoutAction('ec2:DescribeInstances'), ASKING])
    clinic.simulator.takeCounts()
    await clinic.examine()
    expect(clinic.simulator.calls.filter(({ action }) => CHANGES.test(action))).toEqual([])
  })

  test('are simulated for the role behind the profile of the instance, whose path its sessions do not show', async () => {
    const clinic = current()
    await ownVolume(clinic)
    changeInstance(clinic, { profile: 'fleet' })
    clinic.account.profiles.set('fleet', 'node')
    const asking = policy('asking', allow('iam:GetInstanceProfile', 'iam:SimulatePrincipalPolicy'))
    clinic.allow([withoutAction('ec2:AttachVolume'), asking])
    expect(linesOf(await clinic.examine(), 'fail')[0]).toMatch(/no policy of role node allows it/)
    expect(clinic.iam.calls).toContain('GetInstanceProfile')
  })
})

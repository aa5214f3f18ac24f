import { describe, expect, test } from 'vitest'
import { IamAccount, type Principal } from './account.ts'
import { contextOf, type NamedPolicy, type PolicyStatement, ruling } from './policy.ts'

const VOLUME = 'arn:aws:ec2:us-east-1:123456789012:volume/vol-0abc'
const named = (name: string, ...Statement: PolicyStatement[]): NamedPolicy => ({
  name,
  document: { Version: '2012-10-17', Statement },
})
const decide = (
  statement: Omit<PolicyStatement, 'Effect'>,
  context: Record<string, string | string[]> = {},
  action = 'ec2:AttachVolume',
) =>
  ruling([named('p', { Effect: 'Allow', ...statement })], {
    action,
    resource: VOLUME,
    context: contextOf(context),
  }).decision === 'allowed'

describe('a statement is about', () => {
  test.each([
    { Action: 'ec2:AttachVolume', Resource: '*' },
    { Action: 'EC2:attachvolume', Resource: '*' },
    { Action: ['ec2:Delete*', 'ec2:*Volume'], Resource: VOLUME },
    { Action: 'ec2:AttachVolum?', Resource: 'arn:aws:ec2:*:*:volume/*' },
    { Action: '*', Resource: 'arn:aws:ec2:us-east-1:123456789012:volume/vol-????' },
    { NotAction: 'ec2:Delete*', Resource: '*' },
    { Action: '*', NotResource: 'arn:aws:ec2:*:*:instance/*' },
  ])('what its patterns fit: %j', (statement) => {
    expect(decide(statement)).toBe(true)
  })

  test.each([
    { Action: 'ec2:AttachVolumes', Resource: '*' },
    { Action: 'ec2:Attach', Resource: '*' },
    { Action: '*', Resource: 'arn:aws:ec2:*:*:instance/*' },
    { Action: '*', Resource: 'arn:aws:ec2:*:*:VOLUME/*' },
    { NotAction: 'ec2:Attach*', Resource: '*' },
    { Action: '*', NotResource: 'arn:aws:ec2:*:*:volume/*' },
  ])('nothing else: %j', (statement) => {
    expect(decide(statement)).toBe(false)
  })
})

describe('a condition', () => {
  const tagged = { 'aws:ResourceTag/remora/managed': 'true' }
  const when = (operator: string, key: string, value: string | string[]) => ({
    Action: '*',
    Resource: '*',
    Condition: { [operator]: { [key]: value } },
  })
  const KEY = 'aws:ResourceTag/remora/managed'

  test.each([
    [when('StringEquals', KEY, 'true'), tagged],
    [when('StringEquals', KEY.toLowerCase(), ['no', 'true']), tagged],
    [when('StringLike', KEY, 'tr*'), tagged],
    [when('StringNotEquals', KEY, 'false'), tagged],
    [when('StringNotEquals', KEY, 'true'), {}],
    [when('StringEqualsIfExists', KEY, 'other'), {}],
    [when('Null', KEY, 'true'), {}],
    [when('Null', KEY, 'false'), tagged],
    [when('Bool', 'kms:GrantIsForAWSResource', 'true'), { 'kms:GrantIsForAWSResource': 'true' }],
    [when('ForAllValues:StringEquals', 'aws:TagKeys', ['a', 'b']), { 'aws:TagKeys': ['b'] }],
    [when('ForAnyValue:StringEquals', 'aws:TagKeys', 'a'), { 'aws:TagKeys': ['b', 'a'] }],
    [when('ForAllValues:StringEquals', 'aws:TagKeys', 'a'), {}],
  ])('holds: %j for %j', (statement, context) => {
    expect(decide(statement, context)).toBe(true)
  })

  test.each([
    [when('StringEquals', KEY, 'true'), {}],
    [when('StringEquals', KEY, 'TRUE'), tagged],
    [when('StringEquals', 'aws:ResourceTag/Remora', 'true'), tagged],
    [when('StringLike', KEY, 'f*'), tagged],
    [when('StringNotEquals', KEY, 'true'), tagged],
    [when('StringEqualsIfExists', KEY, 'other'), tagged],
    [when('Null', KEY, 'true'), tagged],
    [when('ForAllValues:StringEquals', 'aws:TagKeys', 'a'), { 'aws:TagKeys': ['b', 'a'] }],
    [when('ForAnyValue:StringEquals', 'aws:TagKeys', 'a'), {}],
  ])('does not hold: %j for %j', (statement, context) => {
    expect(decide(statement, context)).toBe(false)
  })
})

describe('an account', () => {
  const asked = { action: 'ec2:AttachVolume', resource: VOLUME, context: new Map() }
  const all = named('all', { Effect: 'Allow', Action: '*', Resource: '*' })
  const none = named('none', { Effect: 'Deny', Action: 'ec2:AttachVolume', Resource: '*' })
  const reading = named('reading', { Effect: 'Allow', Action: 'ec2:Describe*', Resource: '*' })
  const role = (more: Partial<Principal>): Principal => ({
    kind: 'role',
    name: 'node',
    path: '/',
    policies: [all],
    ...more,
  })

  test.each([
    ['one that allows it', role({}), { decision: 'allowed', matched: ['all'] }],
    [
      'a Deny before all',
      role({ policies: [all, none] }),
      { decision: 'explicitDeny', matched: ['none'] },
    ],
    ['none', role({ policies: [reading] }), { decision: 'implicitDeny', by: 'policies' }],
    [
      'a narrow boundary',
      role({ boundary: reading }),
      { decision: 'implicitDeny', by: 'boundary' },
    ],
    ['a wide boundary', role({ boundary: all }), { decision: 'allowed' }],
    [
      'a boundary alone',
      role({ policies: [], boundary: all }),
      { decision: 'implicitDeny', by: 'policies' },
    ],
  ])('judges by its policies: %s', (_, principal, expected) => {
    const account = new IamAccount()
    expect(account.judge(principal, asked)).toMatchObject(expected)
    expect(account.simulate(principal, asked)).toMatchObject(expected)
  })

  test('judges by its organization too, which a simulation does not see', () => {
    const account = new IamAccount()
    account.organization = reading
    expect(account.judge(role({}), asked)).toMatchObject({
      decision: 'implicitDeny',
      by: 'organization',
    })
    expect(account.simulate(role({}), asked)).toMatchObject({ decision: 'allowed' })
  })
})

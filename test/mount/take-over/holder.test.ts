import { expect, test } from 'vitest'
import type { AttachmentState, InstanceState } from '../../../src/libstorage/types.ts'
import { lookAtHolder, stateOf } from '../../../src/mount/take-over/holder.ts'

function attachment(state: AttachmentState) {
  return { volumeId: 'vol-1', instanceId: 'there', state, since: new Date(0) }
}

test.each<[InstanceState | undefined, AttachmentState, string]>([
  [undefined, 'attached', 'gone'],
  ['terminated', 'detaching', 'gone'],
  ['stopped', 'attached', 'stopped'],
  ['stopped', 'detaching', 'stopped'],
  ['stopping', 'attached', 'stopping'],
  ['stopping', 'detaching', 'stopping'],
  ['running', 'attached', 'running'],
  ['running', 'attaching', 'running'],
  ['running', 'detaching', 'leaving'],
  ['pending', 'attached', 'running'],
  ['pending', 'detaching', 'leaving'],
])(
  'a machine that is %s with an attachment that is %s counts as %s',
  (state, attached, expected) => {
    const status = state === undefined ? undefined : { id: 'there', state }
    expect(stateOf(status, attachment(attached))).toBe(expected)
  },
)

test('a platform that knows nothing of machines cannot tell: its holders count as running', async () => {
  expect(await lookAtHolder({}, attachment('attached'))).toMatchObject({ state: 'running' })
  expect(await lookAtHolder({}, attachment('detaching'))).toMatchObject({ state: 'leaving' })
})

test('since when a machine is so is told where the platform tells it', async () => {
  const since = new Date(5)
  const instances = {
    status: async () => ({ id: 'there', state: 'stopped' as const, since }),
    stop: async () => {},
  }
  expect(await lookAtHolder({ instances }, attachment('attached'))).toMatchObject({
    state: 'stopped',
    stateSince: since,
  })
})

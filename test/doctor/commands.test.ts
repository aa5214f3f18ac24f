import { expect, test } from 'vitest'
import { reachedFromOutside } from '../../src/doctor/commands.ts'
import type { Habitat } from '../../src/doctor/habitat.ts'

const ID = '0123456789ab'.padEnd(64, 'c')
const CONTAINER = { kind: 'container', id: ID } as const
const PLUGIN = { kind: 'plugin', id: ID } as const

async function remedyIn(server: Habitat | undefined, remedy: string): Promise<string | undefined> {
  const check = {
    id: 'a',
    title: 'a',
    run: async () => [{ verdict: 'fail', seen: 'a', remedy } as const],
  }
  const [group] = reachedFromOutside([{ checks: [check] }], async () => server)
  const findings = await group?.checks[0]?.run(new AbortController().signal)
  return findings?.[0]?.remedy
}

test.each([
  ['remora restart   # it mounts again', 'docker restart 0123456789ab   # it mounts again'],
  ['remora service start', 'docker start 0123456789ab'],
  ['or: remora volume detach pg', 'or: docker exec 0123456789ab remora volume detach pg'],
  ['sudo remora doctor', 'docker exec 0123456789ab remora doctor'],
  ['docker exec abc remora doctor', 'docker exec abc remora doctor'],
  ['remora detach a\nremora attach a', /^docker exec \w+ remora detach a\ndocker exec \w+ remora/],
  ['apt-get install mount', 'apt-get install mount'],
])(
  'beside a server in a container, "%s" is said as it works from the machine',
  async (said, as) => {
    expect(await remedyIn(CONTAINER, said)).toMatch(as)
  },
)

test('a container that is not known is left to the reader', async () => {
  expect(await remedyIn(undefined, 'remora restart')).toBe(
    'docker restart <container of the server>',
  )
})

test.each([
  ['remora service start', 'docker plugin enable 0123456789ab'],
  [
    'remora restart',
    'docker plugin disable --force 0123456789ab; docker plugin enable 0123456789ab',
  ],
  ['remora config check', 'docker plugin inspect 0123456789ab   # its settings'],
  [
    'remora volume detach pg',
    `runc --root /run/docker/runtime-runc/plugins.moby exec ${ID} remora volume detach pg`,
  ],
])('in a managed plugin, "%s" is said as it works from the machine', async (said, as) => {
  expect(await remedyIn(PLUGIN, said)).toBe(as)
})

test('what has no remedy gets none', async () => {
  const check = { id: 'a', title: 'a', run: async () => [{ verdict: 'pass', seen: 'a' } as const] }
  const [group] = reachedFromOutside([{ checks: [check] }], async () => PLUGIN)
  expect(await group?.checks[0]?.run(new AbortController().signal)).toEqual([
    { verdict: 'pass', seen: 'a' },
  ])
})

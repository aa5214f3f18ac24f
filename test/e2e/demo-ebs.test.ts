import { afterEach, expect, test } from 'vitest'
import { Demonstration } from '../support/demonstration.ts'
import { eventually } from '../support/machine.ts'

let demo: Demonstration | undefined
afterEach(async () => {
  await demo?.close()
  demo = undefined
})

function play(env: NodeJS.ProcessEnv = {}): Demonstration {
  demo = new Demonstration('ebs', env)
  return demo
}

test('the demonstration lets a volume follow its container, and leaves nothing behind', async () => {
  const { status, stdout, stderr } = await play().ended
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(/^one is i-\w+, two is i-\w+; /m)
  expect(stdout).toMatch(/exec db cat \/data\/greeting\nhello\n/)
  expect(stdout).toMatch(/^docker: .* volume "data" is attached to i-\w+ since /m)
  expect(stdout).toMatch(/^two \$ docker run .* cat \/data\/greeting\nhello\n/m)
  expect(stdout).toMatch(/; there is no data\n$/)
  expect(await demo?.left()).toEqual([])
})

const interruptions = [
  ['SIGINT', 'start on this machine'],
  ['SIGINT', 'one $ docker run'],
  ['SIGKILL', 'one $ docker exec'],
  ['SIGINT', 'Go on by yourself'],
] as const

test.each(interruptions)('%s after "%s" leaves nothing behind', async (signal, moment) => {
  const playing = play({ STAY: '1' })
  await eventually(`"${moment}"`, () => playing.said().includes(moment), 90_000)
  expect(playing.processes()).not.toEqual([])
  playing.signal(signal)
  const { status } = await playing.ended
  expect(status).toBe(signal === 'SIGINT' ? 130 : null)
  expect(await demo?.left()).toEqual([])
})

import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EbsWorld } from '../support/ebs-world.ts'
import { ebsConfiguration } from '../support/ec2/host.ts'
import { eventually, outcomeOf, programPath } from '../support/machine.ts'
import { runBare } from '../support/server-process.ts'

let world: EbsWorld
let home: string
/** Nothing of what whoever runs the tests has set, least of all what silences the AWS SDK. */
let env: NodeJS.ProcessEnv
beforeEach(async () => {
  world = await EbsWorld.open()
  home = path.join(world.simulator.folder, 'home')
  mkdirSync(path.join(home, 'etc'), { recursive: true })
  writeFileSync(path.join(home, 'etc/config.yml'), ebsConfiguration(world.simulator, world.here))
  env = { PATH: process.env['PATH'], HOME: home, REXRAY_HOME: home }
})
afterEach(() => world.close())

test('commands that ask EC2 say nothing that the AWS SDK has to say to programmers', async () => {
  const commands = [
    ['volume', 'create', 'data', '--size', '1'],
    ['volume', 'ls'],
    ['snapshot', 'ls'],
    ['volume', 'rm', 'data'],
  ]
  for (const command of commands) {
    expect(await runBare(env, ...command)).toMatchObject({ status: 0, stderr: '' })
    expect(world.simulator.takeCounts()).not.toEqual({})
  }
})

test('nor does the doctor', async () => {
  for (const command of [['doctor'], ['doctor', '--policy']]) {
    const { stdout, stderr } = await runBare(env, ...command)
    expect(world.simulator.takeCounts()).not.toEqual({})
    expect(stdout).not.toBe('')
    expect(stderr).not.toMatch(/Warning|AWS SDK|node:\d|--trace/)
  }
})

test('nor does a server, until its end', async () => {
  const server = spawn(process.execPath, [programPath, 'start'], { env })
  const ended = outcomeOf(server)
  await eventually('EC2 to be asked', () => world.simulator.calls.length > 0)
  server.kill('SIGTERM')
  const { status, stdout, stderr } = await ended
  expect(status).toBe(0)
  expect(stdout + stderr).not.toMatch(/Warning:|AWS SDK|node:\d|--trace/)
})

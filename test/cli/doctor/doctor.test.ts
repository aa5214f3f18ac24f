import { expect, test } from 'vitest'
import type { CheckGroup } from '../../../src/doctor/examine.ts'
import type { Finding } from '../../../src/libstorage/check.ts'
import { CommandLine } from '../../support/command-line.ts'

const check = (id: string, ...findings: readonly Finding[]) => ({
  id,
  title: `what ${id} looks at`,
  run: async () => findings,
})

const PASS: Finding = { verdict: 'pass', seen: 'Node.js 20 on Linux 6' }
const WARN: Finding = {
  verdict: 'warn',
  seen: 'the clock is not synchronised',
  remedy: 'timedatectl set-ntp true',
}
const FAIL: Finding = {
  verdict: 'fail',
  seen: 'mkfs.ext4 is not installed\nreally',
  remedy: 'apt-get install e2fsprogs\nor another package',
}
const SKIP: Finding = { verdict: 'skip', seen: 'not looked at, because machine.tools failed' }
const SEEN_ODD: Finding = { verdict: 'warn', seen: 'volume "a\u001b[2Jb" is odd' }

const ALL: readonly CheckGroup[] = [
  { checks: [check('machine.program', PASS), check('machine.clock', WARN)] },
  { checks: [check('machine.tools', FAIL, PASS), check('machine.devices', SKIP)] },
  { service: 'db', checks: [check('ebs.volumes', PASS, SEEN_ODD)] },
]

function lineWith(groups: readonly CheckGroup[]): CommandLine {
  const line = new CommandLine()
  line.openChecks = async () => groups
  return line
}

test.each([
  { form: 'text', name: 'doctor.txt' },
  { form: 'json', name: 'doctor.json.txt' },
])('prints $form byte by byte', async ({ form, name }) => {
  const { stdout, stderr } = await lineWith(ALL).run('doctor', '--format', form)

  expect(stderr).toBe('')
  await expect(stdout).toMatchFileSnapshot(`../golden/${name}`)
})

test('is coloured for a terminal that wants it, and plain elsewhere', async () => {
  const line = lineWith(ALL)
  line.hasColors = true
  const { stdout } = await line.run('doctor')

  expect(stdout).toContain('\u001b[31mFAIL  \u001b[0mmachine.tools: ')
  expect((await lineWith(ALL).run('doctor')).stdout).not.toContain('\u001b')
})

test.each([
  { findings: [PASS], status: 0 },
  { findings: [], status: 0 },
  { findings: [PASS, WARN], status: 1 },
  { findings: [WARN, FAIL, SKIP], status: 2 },
])('exits with $status after $findings', async ({ findings, status }) => {
  const groups = [{ checks: [check('machine.a', ...findings)] }]

  expect((await lineWith(groups).run('doctor')).status).toBe(status)
})

test('hands on which volume and which configuration are meant, and opens no app', async () => {
  const line = new CommandLine()
  const asked: unknown[] = []
  line.openChecks = async (...call) => {
    asked.push(call)
    return []
  }
  await line.run('doctor', 'data', '--config', '/x.yml')

  expect(asked).toEqual([[{ configFile: '/x.yml', properties: {} }, 'data']])
  expect(line.steps).toEqual([])
})

test('prints what the platform has to allow as JSON', async () => {
  const line = new CommandLine()
  const advice = {
    service: 'db',
    driver: 'ebs',
    fits: 'tagged',
    because: 'all have the tag',
    policies: { tagged: { Version: '2012-10-17', Statement: [] } },
  }
  line.openPolicies = async () => [advice]
  const { status, stdout, stderr } = await line.run('doctor', '--policy')

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(JSON.parse(stdout)).toEqual({ schema: 1, services: [advice] })
})

test('has no policy to print where no platform asks for one, nor for one volume', async () => {
  const none = await new CommandLine().run('doctor', '--policy')
  expect(none).toMatchObject({ status: 1, stdout: '' })
  expect(none.stderr).toMatch(/no configured service is of a driver that needs permissions/)

  const one = await new CommandLine().run('doctor', 'data', '--policy')
  expect(one).toMatchObject({ status: 1, stdout: '' })
  expect(one.stderr).toMatch(/is about services, not about a volume, leave the volume out/)
})

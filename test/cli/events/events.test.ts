import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../../../src/libstorage/logger.ts'
import { EventFile } from '../../../src/mount/event-file.ts'
import type { VolumeEvent } from '../../../src/mount/events.ts'
import { CommandLine } from '../../support/command-line.ts'
import { eventually } from '../../support/machine.ts'

let log: string
let line: CommandLine
beforeEach(() => {
  log = mkdtempSync(path.join(tmpdir(), 'events-'))
  line = new CommandLine()
  line.directories = { ...line.directories, log }
})
afterEach(() => {
  rmSync(log, { recursive: true, force: true })
})

function record(time: string | number, event: Partial<VolumeEvent>): void {
  const file = new EventFile({ directory: log, logger: silentLogger, now: () => new Date(time) })
  file.record({ kind: 'mounted', service: 'ebs', volume: 'data', volumeId: 'vol-1', ...event })
}

function recordSome(): void {
  record('2026-03-04T05:06:07.008Z', { kind: 'attached', instance: 'i-1', durationMs: 1_250 })
  record('2026-03-04T05:06:08Z', { kind: 'reference', holder: '0123456789abcdef'.repeat(4) })
  record('2026-03-04T05:06:09Z', { volume: 'logs', volumeId: 'vol-2' })
  record('2026-03-04T05:07:00Z', {
    ...{ kind: 'taken-over', instance: 'i-2', durationMs: 12, cause: 'i-2 was\ndetached' },
  })
}

test('prints what happened, oldest first, and opens nothing for that', async () => {
  recordSome()
  const { status, stdout, stderr } = await line.run('events')

  expect({ status, stderr, steps: line.steps }).toEqual({ status: 0, stderr: '', steps: [] })
  await expect(stdout).toMatchFileSnapshot('../golden/events.txt')
})

test('prints the lines as they were recorded, for other programs', async () => {
  recordSome()
  const { stdout } = await line.run('events', '-f', 'json')

  await expect(stdout).toMatchFileSnapshot('../golden/events.json.txt')
})

test.each([
  [['lo'], ['logs']],
  [['vol-1'], ['data', 'data', 'data']],
  [
    ['/^L/', 'vol-1'],
    ['data', 'data', 'logs', 'data'],
  ],
  [['nothing'], []],
  [
    ['--since', '2026-03-04T05:06:09Z'],
    ['logs', 'data'],
  ],
  [['--since', '2026-03-04T06:06:09+01:00', 'data'], ['data']],
  [['--since', '5m'], []],
])('%j are these', async (args, volumes) => {
  recordSome()
  const { stdout } = await line.run('events', '-f', 'json', ...args)

  const lines = stdout.split('\n').slice(0, -1)
  expect(lines.map((text) => JSON.parse(text).volume)).toEqual(volumes)
})

test('a duration goes back from now', async () => {
  record(Date.now() - 3_600_000, { volume: 'old' })
  record(Date.now() - 60_000, { volume: 'young' })

  expect((await line.run('events', '--since', '5m')).stdout).toMatch(/^\S+ mounted young .*\n$/)
})

test('a time that is none, and a pattern that is none, are refused', async () => {
  const { status, stderr } = await line.run('events', '--since', 'yesterday')
  expect(status).toBe(1)
  expect(stderr).toContain("argument 'yesterday' is invalid. It is a duration such as 10m")
  expect((await line.run('events', '/(/')).stderr).toContain('is not a regular expression')
})

test('goes on with what happens, until it is interrupted', async () => {
  record('2026-03-04T05:06:07Z', { volume: 'before' })
  const running = line.run('events', '--follow')
  await eventually('what was', () => line.stdout.includes('before'))
  record('2026-03-04T05:06:08Z', { volume: 'after' })
  await eventually('what is', () => line.stdout.includes('after'))
  line.signals.emit('SIGINT')

  const { status, stdout, stderr } = await running
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout.match(/before|after/g)).toEqual(['before', 'after'])
  expect(line.signals.eventNames()).toEqual([])
})

test('does not go on when nobody reads any more', async () => {
  line.isRead = false

  expect(await line.run('events', '--follow')).toMatchObject({ status: 0 })
})

import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { EVENT_FILE, EventFile } from '../../src/mount/event-file.ts'
import { EventLog } from '../../src/mount/event-log.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'event-log-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function recorder(options: { maxBytes?: number; keptFiles?: number } = {}): (name: string) => void {
  let time = 0
  const now = () => new Date(time++)
  const file = new EventFile({ directory, logger: silentLogger, now, ...options })
  return (volume) => file.record({ kind: 'mounted', service: 'loop', volume })
}

const volumes = (log: EventLog) => log.next().map(({ volume }) => volume)

test('nothing is recorded yet where there is no file, nor a folder', () => {
  expect(new EventLog(directory).next()).toEqual([])
  expect(new EventLog(path.join(directory, 'missing')).next()).toEqual([])
})

test('every event is read once and in order, however often files are put aside meanwhile', () => {
  const record = recorder({ maxBytes: 300, keptFiles: 9 })
  const log = new EventLog(directory)
  const names = Array.from({ length: 24 }, (_, index) => `v${index}`)
  const read: string[] = []
  for (const [index, name] of names.entries()) {
    record(name)
    if (index % 5 === 0) read.push(...volumes(log))
  }
  expect([...read, ...volumes(log)]).toEqual(names)
  expect(volumes(log)).toEqual([])
  expect(volumes(new EventLog(directory))).toEqual(names)
})

test('a line that is still being written is read when it is whole', () => {
  const file = path.join(directory, EVENT_FILE)
  recorder()('a')
  const log = new EventLog(directory)
  appendFileSync(file, '{"time":"2026-01-01T00:00:00.000Z","kind":"mounted","serv')
  expect(volumes(log)).toEqual(['a'])
  appendFileSync(file, 'ice":"loop","volume":"b"}\n')
  expect(volumes(log)).toEqual(['b'])
})

test('what is no event is passed over, and what a newer version adds is kept', () => {
  const file = path.join(directory, EVENT_FILE)
  const newer = {
    ...{ time: '2026-01-01T00:00:00.000Z', kind: 'mirrored', service: 'ebs', volume: 'a' },
    copies: 2,
  }
  appendFileSync(file, `{"time":"20\n\n[1]\n{"kind":"mounted"}\n${JSON.stringify(newer)}\n`)
  expect(new EventLog(directory).next()).toEqual([newer])
})

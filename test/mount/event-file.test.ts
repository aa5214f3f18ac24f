import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LogFields, type Logger, silentLogger } from '../../src/libstorage/logger.ts'
import { EVENT_FILE, EventFile } from '../../src/mount/event-file.ts'
import type { VolumeEvent } from '../../src/mount/events.ts'

let directory = ''

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'event-file-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function event(volume: string): VolumeEvent {
  return { kind: 'mounted', service: 'loop', volume }
}

function linesOf(name: string): { time: string; volume: string }[] {
  const lines = readFileSync(path.join(directory, name), 'utf8').split('\n')
  expect(lines.pop()).toBe('')
  return lines.map((line) => JSON.parse(line))
}

function recorded(): string[] {
  return readdirSync(directory).flatMap((name) => linesOf(name).map(({ volume }) => volume))
}

test('an event is one line of JSON with its time, in a folder that is made for it', () => {
  const made = path.join(directory, 'log')
  const now = () => new Date('2026-03-04T05:06:07.008Z')
  const events = new EventFile({ directory: made, logger: silentLogger, now })
  events.record({ ...event('data'), holder: 'cli', durationMs: 12, cause: 'a\nb' })

  expect(readFileSync(path.join(made, EVENT_FILE), 'utf8')).toBe(
    '{"time":"2026-03-04T05:06:07.008Z","kind":"mounted","service":"loop","volume":"data",' +
      '"holder":"cli","durationMs":12,"cause":"a\\nb"}\n',
  )
})

test('a full file is put aside, and only the newest are kept', () => {
  let time = 0
  const now = () => new Date(time++)
  const parts = { directory, logger: silentLogger, now, maxBytes: 1_000, keptFiles: 3 }
  const events = new EventFile(parts)
  for (let number = 0; number < 100; number++) events.record(event(`v${number}`))

  expect(readdirSync(directory)).toHaveLength(3)
  for (const name of readdirSync(directory))
    expect(statSync(path.join(directory, name)).size).toBeLessThan(1_200)
  const kept = recorded()
  expect(new Set(kept)).toEqual(new Set(Array.from(kept, (_, index) => `v${99 - index}`)))
})

test('a failure never throws, and is logged once until it works again', () => {
  const errors: (LogFields | undefined)[] = []
  const logger: Logger = { ...silentLogger, error: (_message, fields) => errors.push(fields) }
  const events = new EventFile({ directory, logger })
  const inTheWay = path.join(directory, EVENT_FILE)
  mkdirSync(inTheWay)
  events.record(event('a'))
  events.record(event('b'))
  expect(errors).toMatchObject([{ file: inTheWay, error: { code: 'EISDIR' } }])

  rmSync(inTheWay, { recursive: true })
  events.record(event('c'))
  expect(recorded()).toEqual(['c'])
})

test('several writers write whole lines to the same file, and none gets lost when it is put aside', () => {
  let time = 0
  const now = () => new Date(time++)
  const parts = { directory, logger: silentLogger, now, maxBytes: 2_000, keptFiles: 1_000 }
  const writers = [new EventFile(parts), new EventFile(parts)]
  for (let number = 0; number < 200; number++) writers[number % 2]?.record(event(`v${number}`))

  expect(readdirSync(directory).length).toBeGreaterThan(2)
  expect(recorded().toSorted()).toEqual(
    Array.from({ length: 200 }, (_, number) => `v${number}`).toSorted(),
  )
})

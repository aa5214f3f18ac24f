import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { NotFoundError } from '../src/libstorage/errors.ts'
import { createLogger } from '../src/logging.ts'

function logTo({ isTerminal = false, level = 'debug' as const } = {}) {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  return { logger: createLogger({ level, stream, isTerminal }), lines }
}

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/

test('elsewhere than on a terminal a line is JSON, its time, level and message beyond forging', () => {
  const { logger, lines } = logTo()
  logger.warn('slow', { volume: 'a', level: 'info', message: 'forged', nothing: undefined })

  expect(JSON.parse(lines[0] ?? '')).toEqual({
    time: expect.stringMatching(TIME),
    level: 'warn',
    message: 'slow',
    volume: 'a',
  })
  expect(lines[0]).toMatch(/^\{"time":.*\}\n$/)
})

test('on a terminal a line is for people', () => {
  const { logger, lines } = logTo({ isTerminal: true })
  logger.info('driver attach', { volumeId: 'vol-1', note: 'two words', count: 3, list: ['a'] })

  expect(lines[0]?.replace(TIME, 'TIME')).toBe(
    'TIME INFO  driver attach volumeId=vol-1 note="two words" count=3 list=["a"]\n',
  )
})

test('nothing that is logged can break out of its line on a terminal', () => {
  const { logger, lines } = logTo({ isTerminal: true })
  logger.info('one\n2026 ERROR two', { name: 'a\nb\u001b[2J' })

  expect(lines.join('')).toMatch(/^\P{Cc}*\n$/u)
})

test.each(['accessKey', 'EBS_SECRETKEY', 'secret_key', 'password', 'Token', 'sessionToken'])(
  '%s is never written, however deep it lies',
  (name) => {
    for (const isTerminal of [true, false]) {
      const { logger, lines } = logTo({ isTerminal })
      logger.error('x', { [name]: 'hunter2', deep: [{ inside: { [name]: 'hunter2' } }] })

      expect(lines.join('')).not.toContain('hunter2')
      expect(lines.join('')).toContain('[redacted]')
    }
  },
)

test('an error of ours is its message, code and cause; a bug has its stack, too', () => {
  const { logger, lines } = logTo()
  logger.error('a', { error: new NotFoundError('volume "x"', new Error('the platform said no')) })
  logger.error('b', { error: new TypeError('bug') })
  const [ours, bug] = lines.map((line) => JSON.parse(line).error)

  expect(ours).toMatchObject({
    message: 'volume "x" not found',
    code: 'ERR_NOT_FOUND',
    cause: { message: 'the platform said no' },
  })
  expect(ours.stack).toBeUndefined()
  expect(bug.stack).toMatch(/^TypeError: bug\n +at /)
})

test('a field that contains itself does not stop the log', () => {
  const { logger, lines } = logTo()
  const round: Record<string, unknown> = {}
  round['self'] = round
  logger.info('x', { round })

  expect(lines).toHaveLength(1)
})

test('only the level and what is worse is written, and the level can change', () => {
  const { logger, lines } = logTo()
  logger.setLevel('warn')
  logger.info('not this')
  logger.error('this')
  logger.setLevel('debug')
  logger.debug('and this')

  expect(lines.map((line) => JSON.parse(line).message)).toEqual(['this', 'and this'])
})

test('a file gets the same lines as JSON, and one that cannot be written holds nothing up', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'logging-'))
  try {
    const { logger, lines } = logTo({ isTerminal: true })
    const file = path.join(folder, 'log', 'rexray.log')
    logger.addFile(file)
    logger.warn('slow', { password: 'x' })
    await expect
      .poll(() => readFileSync(file, 'utf8').replace(TIME, 'TIME'))
      .toBe('{"time":"TIME","level":"warn","message":"slow","password":"[redacted]"}\n')
    logger.closeFile()
    logger.addFile(path.join(file, 'beneath-a-file.log'))
    logger.warn('goes on')

    expect(lines.map((line) => line.replace(TIME, 'TIME'))).toEqual([
      'TIME WARN  slow password=[redacted]\n',
      'TIME WARN  goes on\n',
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

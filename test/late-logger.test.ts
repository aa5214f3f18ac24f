import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { createLateLogger } from '../src/late-logger.ts'
import type { LogLevel } from '../src/libstorage/logger.ts'

function logging(level: LogLevel) {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  return { lines, logger: createLateLogger({ level, stream, isTerminal: false }) }
}

test('lines come whole and in their order, with the facts of the moment in which they were said', async () => {
  const { lines, logger } = logging('debug')
  let count = 1
  logger.warn('first', { count })
  logger.debug('second', () => ({ count }))
  count = 2
  logger.error('third')
  await logger.settled()
  expect(lines).toMatchObject([
    { level: 'warn', message: 'first', count: 1 },
    { level: 'debug', message: 'second', count: 1 },
    { level: 'error', message: 'third' },
  ])
})

test('what is below the level is not said, also after that was changed', async () => {
  const { lines, logger } = logging('warn')
  logger.info('before')
  logger.setLevel('info')
  logger.info('between')
  logger.setLevel('error')
  logger.warn('after')
  await logger.settled()
  expect(lines.map(({ message }) => message)).toEqual(['between'])
})

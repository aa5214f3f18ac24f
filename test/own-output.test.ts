import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { OwnOutput } from '../src/own-output.ts'

/** A process whose streams count how often they are asked for, and can fail. */
function processWithStreams() {
  const [stdout, stderr] = [new EventEmitter(), new EventEmitter()]
  const made: string[] = []
  const process = {
    exitCode: undefined as number | undefined,
    get stdout() {
      made.push('stdout')
      return Object.assign(stdout, { write: () => true, isTTY: false })
    },
    get stderr() {
      made.push('stderr')
      return stderr
    },
  }
  const own = new OwnOutput(process as unknown as NodeJS.Process)
  const fail = (code: string) => stdout.emit('error', Object.assign(new Error(code), { code }))
  return { own, process, made, fail, stderr }
}

test('a stream that is not used is not made, and one that is used is made once', () => {
  const { own, made } = processWithStreams()
  expect(made).toEqual([])
  own.write('a')
  own.write('b')
  expect(own.hasColors()).toBe(false)
  expect(made).toEqual(['stdout'])
})

test('a reader that goes away is noticed, and is no failure', () => {
  const { own, process, fail } = processWithStreams()
  own.write('a')
  expect(own.writable).toBe(true)
  fail('EPIPE')
  expect(own.writable).toBe(false)
  expect([own.isLost, process.exitCode]).toEqual([false, undefined])
})

test('output that is lost otherwise makes the process fail', () => {
  const { own, process, fail } = processWithStreams()
  own.write('a')
  fail('ENOSPC')
  expect([own.isLost, process.exitCode]).toEqual([true, 1])
})

test('a log that cannot be written fails nothing', () => {
  const { own, process, stderr } = processWithStreams()
  expect(own.stderr).toBe(stderr)
  stderr.emit('error', new Error('full'))
  expect([own.isLost, process.exitCode]).toEqual([false, undefined])
})

import { expect, test } from 'vitest'
import { KeyedMutex } from '../../src/libstorage/keyed-mutex.ts'

function gate() {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}

test('tasks of one key run one at a time, in the order of their asking', async () => {
  const mutex = new KeyedMutex()
  const seen: string[] = []
  const task = (name: string) => async () => {
    seen.push(`${name} begins`)
    await Promise.resolve()
    seen.push(`${name} ends`)
  }
  await Promise.all(['a', 'b', 'c'].map((name) => mutex.run('key', task(name))))
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('tasks of different keys do not wait for each other', async () => {
  const mutex = new KeyedMutex()
  const slow = gate()
  const first = mutex.run('one', () => slow.passed)
  expect(await mutex.run('two', async () => 'done')).toBe('done')
  slow.open()
  await first
})

test('a task that fails is its own failure only: the next one runs', async () => {
  const mutex = new KeyedMutex()
  const failing = mutex.run('key', () => Promise.reject(new Error('its own')))
  const next = mutex.run('key', async () => 'ran')
  await expect(failing).rejects.toThrow('its own')
  expect(await next).toBe('ran')
})

test('a key is busy while a task of it runs or waits, and free afterwards', async () => {
  const mutex = new KeyedMutex()
  const [first, second] = [gate(), gate()]
  const running = mutex.run('key', () => first.passed)
  const waiting = mutex.run('key', () => second.passed)
  expect(mutex.isBusy('key')).toBe(true)
  expect(mutex.isBusy('other')).toBe(false)
  first.open()
  await running
  expect(mutex.isBusy('key')).toBe(true)
  second.open()
  await waiting
  expect(mutex.isBusy('key')).toBe(false)
})

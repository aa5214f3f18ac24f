import { expect, test } from 'vitest'
import { Ending } from '../../demo/ending.ts'

test('what cannot be ended keeps nothing else from being ended, and is told at the last', async () => {
  const ended: string[] = []
  const started = (name: string, failure?: Error) => ({
    async end() {
      if (failure !== undefined) throw failure
      ended.push(name)
    },
  })
  const ending = new Ending()
  await ending.all([started('one'), started('two', new Error('hangs')), started('three')])
  await ending.all([started('simulator')])
  expect(ended).toEqual(['one', 'three', 'simulator'])
  expect(() => ending.check()).toThrow(
    expect.objectContaining({ errors: [expect.objectContaining({ message: 'hangs' })] }),
  )
})

test('where all was ended there is nothing to tell', async () => {
  const ending = new Ending()
  await ending.all([{ end: () => Promise.resolve() }])
  expect(() => ending.check()).not.toThrow()
})

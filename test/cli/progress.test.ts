import { expect, test } from 'vitest'
import { withProgress } from '../../src/cli/progress.ts'

function screen(isTTY: boolean) {
  const written: string[] = []
  let note: () => void = () => undefined
  const wrote = new Promise<void>((resolve) => {
    note = resolve
  })
  const write = (text: string) => {
    written.push(text)
    note()
  }
  return { written, wrote, isTTY, write }
}

test('says on a terminal what takes longer than a second, and leaves nothing there', async () => {
  const { written, wrote, ...terminal } = screen(true)
  await withProgress(terminal, 'mounting data', () => wrote)
  expect(written).toEqual(['\r\u001b[Kmounting data, 1 s so far', '\r\u001b[K'])
})

test('says nothing of what is quick, and passes failures on', async () => {
  const { written, ...terminal } = screen(true)
  const failed = withProgress(terminal, 'mounting', () => Promise.reject(new Error('no')))
  await expect(failed).rejects.toThrow('no')
  expect(await withProgress(terminal, 'mounting', async () => 5)).toBe(5)
  expect(written).toEqual([])
})

test('says nothing where nobody watches', async () => {
  const { written, ...pipe } = screen(false)
  const slow = new Promise((resolve) => setTimeout(resolve, 1_200))
  await withProgress(pipe, 'mounting', () => slow)
  expect(written).toEqual([])
})

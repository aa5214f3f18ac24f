import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeFolder, makeFolderNow } from '../../src/libstorage/make-folder.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'remora-folder-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe.each([
  ['by and by', makeFolder],
  ['at once', async (...of: Parameters<typeof makeFolderNow>) => makeFolderNow(...of)],
])('made %s', (_how, make) => {
  test('a folder is made with all above it, and may be there already', async () => {
    const folder = path.join(root, 'a/b/c')
    await make(folder, 0o700)
    await make(folder)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  test('a link to a folder is as good as one', async () => {
    mkdirSync(path.join(root, 'real'))
    symlinkSync('real', path.join(root, 'link'))
    await make(path.join(root, 'link/within'))
    expect(existsSync(path.join(root, 'real/within'))).toBe(true)
  })

  test.each([
    ['a file', (at: string) => writeFileSync(at, '')],
    ['a link that leads nowhere', (at: string) => symlinkSync('nowhere', at)],
    ['a link to itself', (at: string) => symlinkSync(path.basename(at), at)],
  ])('%s in the way is a sentence, at its end as in its middle', async (_what, put) => {
    const at = path.join(root, 'x')
    put(at)
    for (const folder of [at, path.join(at, 'within')])
      await expect(make(folder)).rejects.toThrow(
        expect.objectContaining({
          code: 'ERR_FAILED_PRECONDITION',
          message: expect.stringMatching(
            `^folder ${folder} cannot be made \\(E[A-Z]+\\), see whether`,
          ),
        }),
      )
  })

  test('where no folder can be made that is said, at once', async () => {
    await expect(make('/proc/nothing/here')).rejects.toThrow(
      'folder /proc/nothing/here cannot be made (ENOENT)',
    )
  })
})

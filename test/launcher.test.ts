import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

describe('a program of files with code that V8 has made', () => {
  let folder: string
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'remora-launcher-'))
    await build({
      entryPoints: [fileURLToPath(new URL('../src/launcher.ts', import.meta.url))],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      define: {
        REMORA_ENTRY: '"begin.js"',
        REMORA_PLACES: '{"begin.js":"most.js","path.js":"most.js"}',
      },
      outfile: join(folder, 'main.js'),
    })
    writeFileSync(
      join(folder, 'most.js'),
      `({
        "begin.js": (function (require, module) {
          const { sum, times } = require('./sum.js')
          const again = require('./sum.js')
          process.stdout.write([sum(1, 2), again.times(), require('./path.js')].join(' '))
        }),
        "path.js": (function (require, module) { module.exports = require('node:path').sep }),
      })`,
    )
    writeFileSync(
      join(folder, 'sum.js'),
      `({ "sum.js": (function (require, module) {
        let runs = 0
        runs += 1
        module.exports = { sum: (a, b) => a + b, times: () => runs }
      })})`,
    )
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const said = () => execFileSync(process.execPath, [join(folder, 'main.js')], { encoding: 'utf8' })
  /** What a process of its own does with `script`, which is a file of the program: this one's V8 remembers what it compiled. */
  const compiling = (file: string, use: string) =>
    execFileSync(
      process.execPath,
      [
        '-e',
        `const program = require('./main.js')
         const file = require('node:path').resolve('${file}')
         const script = program.compile(file)
         ${use}`,
      ],
      { cwd: folder, encoding: 'utf8' },
    )
  const makeCode = (file: string) => compiling(file, `program.writeCode(file, script)`)
  const isTaken = () =>
    compiling('sum.js', 'process.stdout.write(String(script.cachedDataRejected === false))')
  const code = (file: string) => join(folder, `${file}.code`)

  test('runs each module once, and reaches what node itself has', () => {
    expect(said()).toBe('3 1 /')
  })

  test('runs a module again that has failed', () => {
    writeFileSync(
      join(folder, 'most.js'),
      `({ "begin.js": (function (require, module) {
        const said = []
        for (let time = 0; time < 2; time += 1)
          try { said.push(require('./late.js')) } catch (error) { said.push(error.message) }
        process.stdout.write(said.join(' '))
      })})`,
    )
    writeFileSync(
      join(folder, 'late.js'),
      `({ "late.js": (function (require, module) {
        globalThis.times = (globalThis.times ?? 0) + 1
        module.exports = 'half'
        if (globalThis.times === 1) throw new Error('failed')
        module.exports = 'whole'
      })})`,
    )
    expect(said()).toBe('failed whole')
  })

  test('takes code that this V8 has made', () => {
    makeCode('sum.js')
    expect(isTaken()).toBe('true')
    expect(said()).toBe('3 1 /')
  })

  test.each([
    ['is cut off', () => truncateSync(code('sum.js'), 100)],
    ['has a byte that changed', () => changeByte(code('sum.js'))],
    ['is empty', () => truncateSync(code('sum.js'), 0)],
    [
      'is none',
      () => writeFileSync(code('sum.js'), 'no code of any V8, of more than a few bytes'.repeat(9)),
    ],
    [
      'is of a file that was changed since',
      () => {
        const file = join(folder, 'sum.js')
        writeFileSync(file, readFileSync(file, 'utf8').replace('a + b', 'b + a'))
      },
    ],
    ['is of another file', () => cpSync(code('most.js'), code('sum.js'))],
  ])('does without code that %s', (_, spoil) => {
    for (const file of ['most.js', 'sum.js']) makeCode(file)
    spoil()
    expect(isTaken()).toBe('false')
    expect(said()).toBe('3 1 /')
  })
})

function changeByte(file: string) {
  const bytes = readFileSync(file)
  const middle = bytes.length >> 1
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 0xff, middle)
  writeFileSync(file, bytes)
}

import { spawn } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Outcome, outcomeOf, programPath, projectDirectory } from '../support/machine.ts'
import { programEnvironment } from '../support/server-process.ts'

let folder: string
let PATH: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dvdcli-'))
  PATH = `${inside('program')}:${process.env['PATH']}`
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const inside = (path: string) => join(folder, path)

describe('a program that is called dvdcli', () => {
  const version = /^Binary: .*\nSemVer: .*\nOsArch: .*\nBranch: .*\nCommit: .*\nFormed: .*\n$/
  const run = (command: string, ...args: string[]): Promise<Outcome> =>
    outcomeOf(spawn(command, args, { env: { ...programEnvironment(folder), PATH } }))
  const elsewhere = (name: string) => {
    mkdirSync(inside('program'), { recursive: true })
    return inside(`program/${name}`)
  }

  test('is one as a link, a link to a link, and by PATH', async () => {
    symlinkSync(programPath, elsewhere('dvdcli'))
    mkdirSync(inside('second'))
    symlinkSync(elsewhere('dvdcli'), inside('second/dvdcli'))
    for (const path of [elsewhere('dvdcli'), inside('second/dvdcli'), 'dvdcli'])
      expect((await run(path, 'version')).stdout).toMatch(version)
  })

  test('is one as a copy beside its parts, with and without its extension', async () => {
    cpSync(dirname(programPath), elsewhere(''), { recursive: true })
    for (const name of ['dvdcli', 'dvdcli.js', 'dvdcli.cjs']) {
      copyFileSync(elsewhere('main.js'), elsewhere(name))
      const { stdout, stderr } = await run(process.execPath, elsewhere(name), 'version')
      expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(version), stderr: '' })
    }
    linkSync(elsewhere('main.js'), elsewhere('rexray'))
    const other = await run(process.execPath, elsewhere('rexray'), 'version')
    expect(other.stdout).toMatch(/^Remora\n/)
  })

  test('is none under its own name', async () => {
    expect((await run(process.execPath, programPath, 'version')).stdout).toMatch(/^Remora\n/)
    expect(await run(process.execPath, programPath, 'list', '--volumedriver=rexray')).toMatchObject(
      { status: 1 },
    )
  })

  test('is what the package installs under that name', async () => {
    const packed = await run(
      'npm',
      'pack',
      projectDirectory,
      '--silent',
      '--pack-destination',
      folder,
    )
    expect(packed).toMatchObject({ status: 0 })
    const unpacked = await run('tar', '-xf', inside(packed.stdout.trim()), '-C', folder)
    expect(unpacked).toMatchObject({ status: 0 })
    const { bin } = JSON.parse(readFileSync(inside('package/package.json'), 'utf8'))
    expect(bin).toMatchObject({ dvdcli: bin.remora, rexray: bin.remora })
    symlinkSync(inside(`package/${bin.dvdcli}`), elsewhere('dvdcli'))
    expect((await run(elsewhere('dvdcli'), 'version')).stdout).toMatch(version)
  })
})

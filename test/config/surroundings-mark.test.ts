import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { App } from '../../src/app.ts'
import { findAnswers } from '../../src/config/find-answers.ts'
import { type Serving, servingFile } from '../../src/config/serving-file.ts'
import { AnsweringMachine } from '../support/answering-machine.ts'

const { CONFIG } = AnsweringMachine
let machine: AnsweringMachine
let home: string
let env: AnsweringMachine['env']

beforeEach(() => {
  machine = new AnsweringMachine()
  ;({ home, env } = machine)
})

afterEach(() => {
  vi.useRealTimers()
  return machine.end()
})

describe('a mark, by which a command need not read what nobody has touched,', () => {
  const marks = (app: App) => {
    const serving: Serving = JSON.parse(
      fs.readFileSync(servingFile(app.config.directories.run), 'utf8'),
    )
    return serving.configurations.map(({ mark }) => mark)
  }
  /** A server of files that were written a while ago. */
  const serveLater = async () => {
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 60_000)
    const app = await machine.serve()
    vi.restoreAllMocks()
    return app
  }

  test('is there where the files are old, and finds the server', async () => {
    const app = await serveLater()
    expect(marks(app)).toEqual([expect.any(String), expect.any(String)])
    const file = servingFile(app.config.directories.run)
    const text = fs.readFileSync(file, 'utf8')
    fs.writeFileSync(file, text.replaceAll(/"digest":"\w+"/g, '"digest":"as written"'))
    expect(await machine.find()).toMatchObject({ digest: 'as written' })
  })

  test('is not there where a file was touched a moment ago: its next change might not show', async () => {
    expect(marks(await machine.serve())).toEqual([undefined, undefined])
    expect(await machine.find()).toBeDefined()
  })

  test('comes a while after the start where a file was touched in the very millisecond of it', async () => {
    const touched = Math.floor(fs.statSync(path.join(home, 'etc/config.yml')).ctimeMs)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: touched })
    const app = await machine.serve()
    expect(marks(app)).toEqual([undefined, undefined])
    vi.advanceTimersByTime(10_000)
    vi.useRealTimers()
    expect(marks(app)).toEqual([expect.any(String), expect.any(String)])
    expect(await machine.find()).toBeDefined()
  })

  test('never comes for a file that was changed after it was read', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: Date.now() })
    const app = await machine.serve()
    machine.write('etc/config.yml', CONFIG.replace('zone: a', 'zone: b'))
    vi.advanceTimersByTime(10_000)
    vi.useRealTimers()
    expect(marks(app)).toEqual([undefined, undefined])
    expect(await machine.find()).toBeUndefined()
  })

  test('is not there where a variable is set that may hold a secret', async () => {
    env['CLOUD_ZONE'] = 'zone-in-a-variable'
    const app = await serveLater()
    expect(marks(app)).toEqual([undefined, undefined])
    expect(await machine.find()).toBeDefined()
  })

  test('is there where variables are set that hold names and paths, and fits while these are the same', async () => {
    env['SSL_CERT_FILE'] = '/etc/ssl/certs/ca-certificates.crt'
    env['AWS_PROFILE'] = 'one'
    const app = await serveLater()
    expect(marks(app)).toEqual([expect.any(String), expect.any(String)])
    expect(await machine.find()).toBeDefined()
    env['AWS_PROFILE'] = 'two'
    expect(await machine.find()).toBeUndefined()
    env['AWS_PROFILE'] = 'one'
    env['AWS_SECRET_ACCESS_KEY'] = 'secret'
    expect(await machine.find()).toBeUndefined()
  })

  test('is not there where a secret of the SDK is set, which no file shows', async () => {
    env['AWS_SECRET_ACCESS_KEY'] = 'secret-in-a-variable'
    const app = await serveLater()
    expect(marks(app)).toEqual([undefined, undefined])
    const file = servingFile(app.config.directories.run)
    expect(fs.readFileSync(file, 'utf8')).not.toContain('secret-in-a-variable')
    expect(await machine.find()).toBeDefined()
  })

  test('fits no longer where a file has another text of the same length, or is another with the same text', async () => {
    await serveLater()
    const file = machine.write('etc/config.yml', CONFIG.replace('zone: a', 'zone: b'))
    expect(await machine.find()).toBeUndefined()
    machine.write('etc/config.new', CONFIG)
    fs.renameSync(path.join(home, 'etc/config.new'), file)
    expect(await machine.find()).toBeDefined()
    fs.rmSync(file)
    expect(await machine.find()).toBeUndefined()
  })

  test('fits no longer where another home is meant, or a variable was set since', async () => {
    await serveLater()
    env['CLOUD_ZONE'] = 'a'
    expect(await machine.find()).toBeUndefined()
    delete env['CLOUD_ZONE']
    env['AWS_PROFILE'] = 'other'
    expect(await machine.find()).toBeUndefined()
    delete env['AWS_PROFILE']
    expect(await machine.find()).toBeDefined()
    expect(
      await findAnswers({ env, uid: 0, homeDirectory: path.join(home, 'other') }, {}),
    ).toBeUndefined()
  })
})

import { execFileSync } from 'node:child_process'
import { chmod, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../src/libstorage/errors.ts'
import { ConfigWorld, failure } from '../support/config-world.ts'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

describe('files', () => {
  test('later ones override earlier ones, key by key', async () => {
    await world.write('etc/rexray.yml', 'rexray: {logLevel: info}\nloop: {pool: /a}\n')
    await world.write('etc/config.yml', 'libstorage: {service: loop}\nLOOP: {Pool: /b}\n')
    await world.write('home/.rexray/config.yml', 'loop: {instance: me, pool: }\n')
    const config = await world.load()
    expect(config.logLevel).toBe('info')
    expect(config.services[0]?.settings).toEqual({ pool: '/b', instance: 'me' })
    expect(config.files).toEqual(
      ['etc/rexray.yml', 'etc/config.yml', 'home/.rexray/config.yml'].map((file) =>
        join(world.root, file),
      ),
    )
  })

  test('of a home of 0.3 lie one folder deeper, and are overridden by those of today', async () => {
    await world.write('etc/rexray/config.yml', 'libstorage: {service: loop}\nloop: {pool: /a}\n')
    await world.write('etc/config.yml', 'loop: {pool: /b}\n')
    const config = await world.load()
    expect(config.services[0]?.settings).toEqual({ pool: '/b' })
    expect(config.files[0]).toBe(join(world.root, 'etc/rexray/config.yml'))
  })

  test('of a variant of REX-Ray are read where there is no other', async () => {
    await world.write('etc/rexray-agent.yml', 'libstorage: {service: loop}\nloop: {pool: /a}\n')
    const alone = await world.load()
    expect(alone.services[0]).toMatchObject({ name: 'loop', settings: { pool: '/a' } })
    expect(alone.files).toEqual([join(world.root, 'etc/rexray-agent.yml')])
    await world.write('etc/config.yml', 'libstorage: {service: vfs}\n')
    const beside = await world.load()
    expect(beside.files).toEqual([join(world.root, 'etc/config.yml')])
  })

  test('the one that is named is read alone', async () => {
    await world.write('etc/config.yml', 'rexray: {logLevel: debug}\n')
    const named = await world.write('mine.yml', 'libstorage: {service: vfs}\n')
    const config = await world.load({ flags: { configFile: named } })
    expect([config.files, config.logLevel, config.defaultService]).toEqual([[named], 'warn', 'vfs'])
  })

  test('a named pipe is refused, not waited for', async () => {
    const configFile = join(world.root, 'pipe.yml')
    execFileSync('mkfifo', [configFile])
    await expect(world.load({ flags: { configFile } })).rejects.toThrow(
      `config file ${configFile} cannot be read (it is a pipe), make it a file that this user may read`,
    )
  })

  test('the one that is named has to exist', async () => {
    const configFile = join(world.root, 'missing.yml')
    await expect(world.load({ flags: { configFile } })).rejects.toThrow(
      `config file ${configFile} does not exist, give --config a file that does`,
    )
  })

  test('a directory in place of a file is an error, never skipped', async () => {
    await world.write('etc/config.yml/x', '')
    await expect(world.load()).rejects.toThrow(
      `config file ${world.configFile} cannot be read (EISDIR), make it a file that this user may read`,
    )
  })

  describe.skipIf(process.getuid?.() !== 0)('that only root may read (root)', () => {
    const NOBODY = 65_534

    /** What the work comes to for a user who is nobody. */
    async function asNobody<T>(work: () => Promise<T>): Promise<T> {
      process.seteuid?.(NOBODY)
      try {
        return await work()
      } finally {
        process.seteuid?.(0)
      }
    }

    beforeEach(async () => {
      await world.write('etc/config.yml', 'libstorage: {service: vfs}\n')
      await chmod(world.root, 0o755)
    })

    test.each([
      ['the file', () => world.configFile],
      ['its folder', () => dirname(world.configFile)],
    ])('are an error for anybody else, never skipped (%s)', async (_what, closed) => {
      const mode = (await stat(closed())).mode
      expect((await asNobody(() => world.load())).defaultService).toBe('vfs')
      await chmod(closed(), mode & 0o700)
      await expect(asNobody(() => world.load())).rejects.toThrow(
        `config file ${world.configFile} cannot be read (EACCES), make it a file that this user may read`,
      )
      expect((await world.load()).defaultService).toBe('vfs')
    })

    test('are an error where they hold the value of a variable', async () => {
      const secret = await world.write('secret', 'hidden')
      const load = () => world.load({ env: { LOOP_POOL_FILE: secret } })
      await chmod(secret, 0o600)
      await expect(asNobody(load)).rejects.toThrow(
        /LOOP_POOL_FILE: .*secret cannot be read \(EACCES\), make it a file that this user may read/,
      )
    })
  })

  test('an empty file, empty sections and comments say nothing', async () => {
    const config = await world.loadText('# nothing\nrexray:\n  modules:\nlibstorage: {}\n')
    expect(config).toMatchObject({ services: [], warnings: [] })
  })

  test('anchors, aliases and merged maps are followed, own keys first', async () => {
    const config = await world.loadText(
      'libstorage:\n  server:\n    services:\n      a: &a {driver: ebs, ebs: {region: eu}}\n' +
        '      b: {ebs: {region: us}, <<: *a}\n  service: a\n',
    )
    const regions = config.services.map(({ settings }) => settings)
    expect(regions).toMatchObject([{ region: 'eu' }, { region: 'us' }])
  })
})

describe('variables', () => {
  test('are replaced in files, also from the environment file where the process has none', async () => {
    await world.write('environment', 'BASE=/from-file\nTOP=/file\n')
    const text = `libstorage: {service: loop}\nloop: {pool: "\${TOP}/$BASE", instance: $NONE}\n`
    const config = await world.loadText(text, { env: { TOP: '/process' } })
    expect(config.services[0]?.settings).toEqual({ pool: '/process//from-file' })
    expect(config.warnings).toEqual([
      `${world.configFile}:2: loop.instance has a variable that is not set, which counts as empty`,
    ])
  })

  test('stay as they are where replacing is switched off', async () => {
    const text = 'libstorage: {service: loop}\nloop: {instance: $HOME}\n'
    const env = { GOFIG_DISABLE_ENVVAR_SUBSTITUTION: 'true' }
    const config = await world.loadText(text, { env })
    expect(config.services[0]?.settings).toEqual({ instance: '$HOME' })
  })

  test('of the environment file set keys and directories too', async () => {
    await world.write('environment', 'LIBSTORAGE_SERVICE=vfs\nREXRAY_HOME=/elsewhere\n')
    const config = await world.load()
    expect(config.defaultService).toBe('vfs')
    expect(config.directories.etc).toBe(join(world.root, 'etc'))
  })
})

describe('a file that is not YAML', () => {
  const rows: readonly [string, string][] = [
    [
      'rexray:\n  logLevel: warn: info\n',
      'FILE:2:13: the file is not valid YAML: nested mappings are not allowed in compact mappings, mend it:\n' +
        '    logLevel: warn: info\n              ^',
    ],
    [
      'rexray:\n\tlogLevel: warn\n',
      'FILE:2:1: the file is not valid YAML: a tab stands where only spaces may, use spaces, mend it:\n  \tlogLevel: warn\n  ^',
    ],
    [
      'ebs:\n  accessKey: AKIA: x\n',
      'FILE:2:14: the file is not valid YAML: nested mappings are not allowed in compact mappings, mend it:\n' +
        '    accessKey:********\n               ^',
    ],
    [
      '- a\n',
      'FILE:1:1: the file is not valid YAML: the file has to consist of sections such as libstorage:, mend it:\n  - a\n  ^',
    ],
    [
      'a: *b\n',
      'FILE:1:1: the file is not valid YAML: the alias *b names no anchor, mend it:\n  a: *b\n  ^',
    ],
  ]

  test.each(rows)('the broken text %j is refused with its place', async (text, message) => {
    const error = await failure(world.loadText(text))
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error.message.replace(world.configFile, 'FILE')).toBe(message)
  })

  test('an alias within its own anchor is an error, not an endless walk', async () => {
    await expect(world.loadText('a: &x\n  b: *x\n')).rejects.toThrow(
      'the alias *x stands within its own anchor',
    )
  })
})

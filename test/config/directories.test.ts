import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { resolveDirectories } from '../../src/config/directories.ts'
import { ConfigWorld } from '../support/config-world.ts'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

test("root has REX-Ray's places", () => {
  expect(resolveDirectories({ env: {}, uid: 0, homeDirectory: '/root' })).toEqual({
    etc: '/etc/rexray',
    lib: '/var/lib/rexray',
    log: '/var/log/rexray',
    run: '/var/run/rexray',
    plugins: '/run/docker/plugins',
  })
})

test('REXRAY_HOME moves all of them', () => {
  const env = { REXRAY_HOME: '/x' }
  expect(resolveDirectories({ env, uid: 0, homeDirectory: '/root' })).toEqual({
    etc: '/x/etc',
    lib: '/x/var/lib',
    log: '/x/var/log',
    run: '/x/var/run',
    plugins: '/x/run/docker/plugins',
  })
})

test('who is not root has them in ~/.rexray', () => {
  const { lib, plugins } = resolveDirectories({ env: {}, uid: 1000, homeDirectory: '/home/a' })
  expect([lib, plugins]).toEqual(['/home/a/.rexray/var/lib', '/home/a/.rexray/run/docker/plugins'])
})

test('a single directory is moved only to a path that exists', async () => {
  const log = join(world.root, 'log')
  await mkdir(log)
  const env = { REXRAY_HOME_LOG: log, REXRAY_HOME_LIB: join(world.root, 'missing') }
  const directories = resolveDirectories({ env, uid: 0, homeDirectory: '/root' })
  expect([directories.log, directories.lib]).toEqual([log, '/var/lib/rexray'])
})

test('the folder of logs, which begin anew anywhere, is moved where the one above exists', () => {
  const log = join(world.root, 'new', 'log')
  const moved = { REXRAY_HOME_LOG: join(world.root, 'log') }
  const input = { uid: 0, homeDirectory: '/root' }
  expect(resolveDirectories({ ...input, env: moved }).log).toBe(moved.REXRAY_HOME_LOG)
  expect(resolveDirectories({ ...input, env: { REXRAY_HOME_LOG: log } }).log).toBe(
    '/var/log/rexray',
  )
})

import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type App, openApp } from '../../src/app.ts'
import { resolveDirectories } from '../../src/config/directories.ts'
import { vfsDefinition } from '../../src/providers/vfs/config.ts'
import { documentAt, sectionOf } from '../support/documents.ts'

/** A row of the table: what lies somewhere, and its paths for root and for any other user. */
interface Row {
  readonly what: string
  readonly root: readonly string[]
  readonly user: readonly string[]
}

const section = sectionOf(documentAt('docs/operations.md'), 'Where things lie')
const rows = [...section.matchAll(/^\| ([^|]+) \| (`[^|]+) \| ([^|]*) \|$/gm)].map(
  ([, what = '', root = '', user = '']): Row => ({ what, root: paths(root), user: paths(user) }),
)

function paths(cell: string): string[] {
  return [...cell.matchAll(/`([~/][^`]*)`/g)].map((match) => match[1] ?? '')
}

const roots = resolveDirectories({ env: {}, uid: 0, homeDirectory: '/root' })
const users = resolveDirectories({ env: {}, uid: 1_000, homeDirectory: '/home/me' })

let home: string
let app: App
beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'places-'))
  app = await openApp('server', {
    flags: {},
    env: { REXRAY_HOME: home, PATH: process.env['PATH'] },
    uid: 1_000,
    homeDirectory: '/nowhere',
    stderr: new Writable({ write: (_chunk, _encoding, done) => done() }),
    providers: [vfsDefinition],
  })
  await app.lockServer()
  app.start()
  await app.listen()
  await app.answerCommands()
  const { volumes } = app.service()
  for (const name of ['data', 'gone']) await volumes.create(name, {})
  await volumes.remove('gone')
  const mounted = await volumes.mount({ name: 'data', holder: 'a' })
  mounted.delivered()
})
afterAll(async () => {
  await app?.service().volumes.unmount({ name: 'data', holder: 'a' })
  await app?.close()
  rmSync(home, { recursive: true, force: true })
})

const lasting = rows.filter(({ what, user }) => what !== 'configuration' && user.length > 0)

test('the table has what a server leaves in its folders', () => {
  expect(lasting.length).toBeGreaterThan(7)
})

test.each(lasting)('$what: lies where the table says', ({ user }) => {
  for (const documented of user) {
    const real = documented
      .replace('~/.rexray', home)
      .replace('<service>', 'vfs')
      .replace('<name>', 'data')
    expect(existsSync(real), real).toBe(true)
    if (real.endsWith('/')) expect(statSync(real).isDirectory()).toBe(true)
  }
})

test.each(lasting)('$what: has the same place for root, beneath the folders of root', (row) => {
  const moved = row.user.map((documented) => {
    const absolute = documented.replace('~', '/home/me')
    for (const kind of ['lib', 'log', 'run', 'plugins'] as const)
      if (absolute.startsWith(`${users[kind]}/`)) return absolute.replace(users[kind], roots[kind])
    return absolute
  })
  expect(row.root).toEqual(moved)
})

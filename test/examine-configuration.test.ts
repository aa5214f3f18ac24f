import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { examineConfiguration } from '../src/examine-configuration.ts'
import { providers } from '../src/providers/index.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'examine-'))
  mkdirSync(path.join(home, 'etc'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

async function mistakesIn(services: string): Promise<string[]> {
  const text = `libstorage: {service: a, server: {services: {${services}}}}\n`
  writeFileSync(path.join(home, 'etc/config.yml'), text)
  const input = { flags: {}, env: { REXRAY_HOME: home }, uid: 0, homeDirectory: home }
  const { mistakes } = await examineConfiguration(input, providers)
  return mistakes.map(({ subject, problem }) => `${subject} ${problem}`)
}

test('services that share their storage are told beside all else that is wrong, and nothing is made', async () => {
  const place = path.join(home, 'var/lib/loop')
  expect(
    await mistakesIn(
      `a: {driver: loop}, b: {driver: loop}, c: {driver: loop, loop: {pool: ${place}}}, ` +
        'd: {driver: vfs, vfs: {pool: here}}, e: {driver: ebs, ebs: {maxRetries: x}}, f: {driver: ebs}',
    ),
  ).toEqual([
    'libstorage.server.services.d.vfs.pool is "here"',
    'libstorage.server.services.e.ebs.maxRetries is "x"',
    `services "a" and "b" share their storage ${place}`,
    `services "a" and "c" share their storage ${place}`,
  ])
})

test('services of one driver with storages of their own are right', async () => {
  expect(
    await mistakesIn('a: {driver: loop}, b: {driver: loop, loop: {pool: /b}}, c: {driver: vfs}'),
  ).toEqual([])
})

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { COMMANDS, readArguments } from '../../src/cli/dvdcli/arguments.ts'
import { runDvdcli } from '../../src/cli/dvdcli/dvdcli.ts'
import { documentAt, firstColumn, sectionOf } from '../support/documents.ts'
import { environmentOf, type MarathonApp, volumesOf } from '../support/marathon.ts'
import { SmallPlugin } from '../support/small-plugin.ts'

const page = documentAt('docs/mesos.md')

function blocks(kind: string): string[] {
  return [...page.text.matchAll(new RegExp(`^ *\`\`\`${kind}\\n(.*?)^ *\`\`\`$`, 'gms'))].map(
    (match) => match[1] ?? '',
  )
}

let root: string
let plugin: SmallPlugin
beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'mesos-'))
  mkdirSync(path.join(root, 'run/docker/plugins'), { recursive: true })
  plugin = new SmallPlugin()
  await plugin.listen(path.join(root, 'run/docker/plugins/rexray.sock'))
})
afterEach(async () => {
  await plugin.close()
  rmSync(root, { recursive: true, force: true })
})

test('the app is one that Marathon takes, and its volumes are mounted as it says', async () => {
  const apps = blocks('json').map((text): MarathonApp => JSON.parse(text))
  expect(apps.map(({ container }) => container.volumes.length)).toEqual([2])
  for (const volume of apps.flatMap(volumesOf)) {
    const options = Object.entries(volume.options ?? {}).map(([key, value]) => `${key}=${value}`)
    const line = [
      ...['mount', `--volumedriver=${volume.driver}`, `--volumename=${volume.name}`],
      ...options.map((option) => `--volumeopts=${option}`),
    ]
    let said = ''
    const status = await runDvdcli(line, {
      scriptPath: 'dvdcli',
      stdout: { write: (text) => (said += text) },
      stderr: { write: () => undefined },
      roots: [root],
    })
    expect({ status, said }).toEqual({ status: 0, said: `/mnt/${volume.name}\n` })
    expect(plugin.volumes.get(volume.name)?.options).toEqual(volume.options)
  }
  expect(Object.fromEntries(plugin.volumes)).toMatchObject({
    firstvolume: { options: { size: '5', newfstype: 'xfs' } },
    secondvolume: { options: { size: '1' } },
  })
  expect(Object.keys(environmentOf(apps.flatMap(volumesOf)))).toHaveLength(6)
})

test('the configuration says what the text says it does', () => {
  const [configuration] = blocks('yaml').map((text) => parse(text))
  expect(configuration.libstorage.integration.volume.operations).toEqual({
    mount: { preempt: true },
    unmount: { ignoreUsedCount: true },
  })
})

test('every command is documented, and no other', () => {
  expect(firstColumn(sectionOf(page, 'The commands'))).toEqual([...COMMANDS])
})

test('every flag that the page names is understood', () => {
  const flags = new Set(page.text.match(/--(?:volume|explicit)\w+/gi))
  expect(flags.size).toBeGreaterThan(3)
  for (const flag of flags) {
    const value = /opts/i.test(flag) ? 'a=b' : 'true'
    expect(readArguments(['mount', `${flag}=${value}`]).command).toBe('mount')
  }
})

import { describe, expect, test } from 'vitest'
import { pluginConfig } from '../support/docker-plugin.ts'
import { documentAt, readProjectFile, sectionOf } from '../support/documents.ts'

const page = documentAt('docs/plugin.md')
const { version } = JSON.parse(readProjectFile('package.json'))
const settings = sectionOf(page, 'Settings')

const rowOf = (name: string, value: string, description: string) =>
  `| \`${name}\` | ${value === '' ? '' : `\`${value}\``} | ${description} |`

describe('the page about the managed plugin', () => {
  test('has every setting with its default and what it is, in the order of config.json', () => {
    const mounts = pluginConfig.mounts.filter(({ settable }) => settable?.includes('source'))
    const rows = [
      ...pluginConfig.env.map(({ name, value, description }) => rowOf(name, value, description)),
      ...mounts.map(({ name, source, description }) =>
        rowOf(`${name}.source`, source, description),
      ),
    ]
    expect(settings.split('\n').filter((line) => line.startsWith('| `'))).toEqual(rows)
  })

  test('has every permission that the engine asks about', () => {
    const permissions = sectionOf(page, 'Installing')
      .split('\n')
      .map((line) => /^\| ([^|]+) \|/.exec(line)?.[1])
    expect(permissions).toEqual(
      expect.arrayContaining([
        ...[`network: ${pluginConfig.network.type}`, 'host pid namespace', 'allow-all-devices'],
        ...pluginConfig.linux.capabilities,
      ]),
    )
    for (const { source } of pluginConfig.mounts)
      expect(permissions.join('\n')).toContain(`mount: ${source}`)
  })

  test('names this version', () => {
    expect(page.text).toContain(`docker plugin enable remora/rexray:${version}`)
  })
})

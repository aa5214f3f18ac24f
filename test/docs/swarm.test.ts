import { afterEach, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readVolumeOptions } from '../../src/mount/volume-options.ts'
import { providers as drivers } from '../../src/providers/index.ts'
import { OPERATIONS } from '../support/command-line.ts'
import { ConfigWorld } from '../support/config-world.ts'
import { pluginConfig } from '../support/docker-plugin.ts'
import { documentAt } from '../support/documents.ts'

const { text } = documentAt('docs/swarm.md')

function blocks(kind: string): string[] {
  return [...text.matchAll(new RegExp(`^ *\`\`\`${kind}\\n(.*?)^ *\`\`\`$`, 'gms'))].map(
    (match) => match[1] ?? '',
  )
}

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

test('the stack gives each slot a volume of its own, with options that there are', () => {
  const stack = parse(blocks('yaml')[0] ?? '')
  expect(stack.volumes).toEqual({
    data: {
      name: 'db-{{.Task.Slot}}',
      driver: 'rexray',
      driver_opts: { size: '20', fsType: 'xfs' },
    },
  })
  const options = readVolumeOptions(stack.volumes.data.driver_opts, OPERATIONS.create.default)
  expect(options.sizeGiB).toBe(20)
  expect(Object.values(options.labels ?? {})).toContain('xfs')
  const [mount] = stack.services.db.volumes
  expect(Object.keys(stack.volumes)).toContain(mount.source)
  expect(stack.services.db.environment.PGDATA.startsWith(`${mount.target}/`)).toBe(true)
  expect(stack.services.db.deploy.update_config.order).toBe('stop-first')
})

test('the service without a file has the same volume', () => {
  const mount = /--mount '([^']+)'/.exec(blocks('sh').join(''))?.[1] ?? ''
  const fields = mount.split(',').map((field) => field.split(/=(.*)/s).slice(0, 2))
  expect(fields).toEqual([
    ['type', 'volume'],
    ['source', 'db-{{.Task.Slot}}'],
    ['target', '/data'],
    ['volume-driver', 'rexray'],
    ['volume-opt', 'size=20'],
  ])
})

test('the managed plugin has the settings that the page names, and the driver name of the stack', () => {
  const names = [...text.matchAll(/\b(?:REXRAY|LIBSTORAGE)_[A-Z_]+\b/g)].map(([name]) => name)
  expect(names.length).toBeGreaterThan(2)
  const settings = pluginConfig.env.map(({ name }) => name)
  expect(names.filter((name) => !settings.includes(name))).toEqual([])
  expect(/--alias (\S+)/.exec(blocks('sh').join(''))?.[1]).toBe('rexray')
})

test('the configuration is one that Remora takes, and says what the text says it does', async () => {
  const config = await world.loadText(blocks('yaml')[1] ?? '', { drivers })
  expect(config.warnings).toEqual([])
  expect(config.services).toMatchObject([
    { name: 'ebs', operations: { mount: { preempt: 'fence', attachWaitMs: 10_000 } } },
  ])
})

test('the unit that warms the plugin up runs after both, and again with each start of the engine', () => {
  const lines = blocks('ini')
    .join('')
    .split('\n')
    .map((line) => line.trim())
  expect(lines).toEqual(
    expect.arrayContaining([
      'After=docker.service remora.service',
      'Type=oneshot',
      'ExecStart=/usr/bin/docker volume ls --quiet',
      'WantedBy=docker.service',
    ]),
  )
})

import { afterEach, beforeEach, expect, test } from 'vitest'
import { providers as drivers } from '../../src/providers/index.ts'
import { virtualboxSettings } from '../../src/providers/virtualbox/config.ts'
import { ConfigWorld } from '../support/config-world.ts'
import { documentAt } from '../support/documents.ts'

const { text } = documentAt('docs/virtualbox.md')

/** The text of the page's block of a kind, without what it is indented by. */
function block(kind: string): string {
  const [, indent = '', lines = ''] =
    new RegExp(`^( *)\`\`\`${kind}\\n(.*?)^ *\`\`\`$`, 'ms').exec(text) ?? []
  return lines.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
}

/** The words of what the Vagrantfile has VBoxManage do with the machine. */
const customized = [...block('ruby').matchAll(/machine\.customize \[(.*)\]/g)].map(
  ([, list = '']) => list.split(/,\s*/).map((word) => word.replaceAll("'", '')),
)

let config: ConfigWorld
beforeEach(async () => {
  config = await ConfigWorld.make()
})
afterEach(() => config.remove())

/** What the page's configuration comes to. */
async function settings() {
  const { services, warnings } = await config.loadText(block('yaml'), { drivers })
  expect(warnings).toEqual([])
  expect(services).toMatchObject([{ name: 'virtualbox', driver: 'virtualbox' }])
  return virtualboxSettings.parse(services[0]?.settings)
}

test('the configuration is one that Remora takes, without a warning', async () => {
  expect(await settings()).toMatchObject({
    volumePath: '/home/me/remora-volumes',
    endpoint: 'http://10.0.2.2:18083',
  })
})

test('the Vagrantfile gives the controller of the configuration its ports', async () => {
  const { controllerName } = await settings()
  expect(customized).toEqual([['storagectl', ':id', '--name', controllerName, '--portcount', '30']])
})

test('the blocks of the Vagrantfile are opened and ended', () => {
  const lines = block('ruby').trim().split('\n')
  const opened = lines.filter((line) => /\bdo \|\w+\|$/.test(line))
  expect(opened.length).toBeGreaterThan(0)
  expect(lines.filter((line) => line.trim() === 'end')).toHaveLength(opened.length)
  expect(lines[0]).toBe("Vagrant.configure('2') do |config|")
})

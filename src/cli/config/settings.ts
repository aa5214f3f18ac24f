import { stringify } from 'yaml'
import type { ExaminedConfig } from '../../config/load.ts'
import type { EffectiveSetting } from '../../config/settings.ts'

type Shown = Pick<ExaminedConfig, 'config' | 'settings'>

/** The settings in force as a configuration file that says the same, but for secrets, with where each comes from. */
export function settingsAsYaml({ config, settings }: Shown): string {
  const { directories, files } = config
  const lines = [
    `# read from ${files.length === 0 ? 'no file' : files.join(', ')}`,
    `# state in ${directories.lib}, of this boot in ${directories.run}, logs in ${directories.log}`,
    ...(config.services.length === 0 ? ['# no service is configured: start chooses one'] : []),
    ...yamlLines(treeOf(settings), ''),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

/** The settings in force by their dotted keys, each with its value and where it comes from. */
export function settingsAsJson({ config, settings }: Shown): unknown {
  const { files, directories } = config
  const entries = settings.map(({ path, value = null, source }) => [path, { value, source }])
  return { files, directories, settings: Object.fromEntries(entries) }
}

type Tree = Map<string, Tree | EffectiveSetting>

function treeOf(settings: readonly EffectiveSetting[]): Tree {
  const root: Tree = new Map()
  for (const setting of settings) {
    const levels = setting.path.split('.')
    const leaf = levels.pop() ?? ''
    let section = root
    for (const level of levels) {
      const inner = section.get(level)
      const next = inner instanceof Map ? inner : new Map()
      section.set(level, next)
      section = next
    }
    section.set(leaf, setting)
  }
  return root
}

function yamlLines(tree: Tree, indent: string): readonly string[] {
  return [...tree].flatMap(([name, inner]) => {
    const key = `${indent}${scalar(name)}:`
    if (inner instanceof Map) return [key, ...yamlLines(inner, `${indent}  `)]
    const { value, source } = inner
    return `${key}${value === undefined ? '' : ` ${scalar(value)}`} # ${source}`
  })
}

/** Words that mean something to YAML keep what they are: a setting is written as anybody would. */
function scalar(value: string | readonly string[]): string {
  if (typeof value !== 'string') return `[${value.map(scalar).join(', ')}]`
  if (/^(?:true|false|-?\d+(?:\.\d+)?)$/.test(value)) return value
  return stringify(value, { lineWidth: 0, defaultStringType: 'PLAIN' }).trim()
}

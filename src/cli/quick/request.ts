import type { ListOptions } from '../volume/list-volumes.ts'

/** A command line that is understood without the library that reads all others. */
export interface QuickRequest {
  readonly verb: 'ls' | 'path'
  readonly names: readonly string[]
  readonly flags: {
    readonly configFile?: string
    readonly service?: string
    readonly logLevel?: string
  }
  readonly options: ListOptions
}

type Switch = 'attached' | 'available' | 'path' | 'quiet'
type Value = 'configFile' | 'service' | 'logLevel' | 'format' | 'template'

const VERBS = new Map<string, QuickRequest['verb']>([
  ...['ls', 'l', 'list', 'get', 'inspect'].map((verb) => [verb, 'ls'] as const),
  ['path', 'path'],
])
const SWITCHES = new Map<string, Switch>([
  ['--attached', 'attached'],
  ['--available', 'available'],
  ['--path', 'path'],
  ['-q', 'quiet'],
  ['--quiet', 'quiet'],
])
const VALUES = new Map<string, Value>([
  ['-c', 'configFile'],
  ['--config', 'configFile'],
  ['-s', 'service'],
  ['--service', 'service'],
  ['-l', 'logLevel'],
  ['--logLevel', 'logLevel'],
  ['-f', 'format'],
  ['--format', 'format'],
  ['--template', 'template'],
])
const FORMS = /^(?:table|json|jsonp|yaml|tmpl)$|\{\{/
/** Whoever asks for more wants to see what the command does by itself. */
const QUIET_LEVELS = /^(?:panic|fatal|error|warn|warning)$/i

/**
 * Reads `volume ls` and `volume path` in their plain forms. Undefined for everything else, which is no mistake: abbreviated,
 * older and misspelt forms, help, flags before the verb.
 */
export function readQuickRequest(args: readonly string[]): QuickRequest | undefined {
  const [group, word = '', ...rest] = args
  const verb = VERBS.get(word)
  if (group !== 'volume' || verb === undefined) return undefined
  const { names, switches, given } = readWords(rest)
  const values: Partial<Record<Value, string>> = Object.fromEntries(given)
  const { format = 'table', template, ...flags } = values
  const texts = [...names, ...given.map(([, text]) => text)]
  const isPlain = texts.every((text) => /^[^-]/.test(text))
  const isTwice = Object.keys(values).length < given.length
  const isQuiet = QUIET_LEVELS.test(flags.logLevel ?? 'warn')
  if (!isPlain || isTwice || !FORMS.test(format) || !isQuiet) return undefined
  const forms = { ...switches, ...(template !== undefined && { template }) }
  const hasOptions = Object.keys(forms).length > 0 || values.format !== undefined
  if (verb === 'path' && (names.length === 0 || hasOptions)) return undefined
  return { verb, names, flags, options: { ...forms, format } }
}

function readWords(words: readonly string[]): {
  readonly names: readonly string[]
  readonly switches: Readonly<Partial<Record<Switch, true>>>
  readonly given: readonly (readonly [Value, string])[]
} {
  const names: string[] = []
  const switches: Partial<Record<Switch, true>> = {}
  const given: [Value, string][] = []
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    const [flag = '', inline] = /^(--\w+)=(.*)$/s.exec(word)?.slice(1) ?? [word]
    const [toggle, value] = [SWITCHES.get(word), VALUES.get(flag)]
    if (toggle !== undefined) switches[toggle] = true
    else if (value !== undefined) given.push([value, inline ?? words[++index] ?? ''])
    else names.push(word)
  }
  return { names, switches, given }
}

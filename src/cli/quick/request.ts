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
const GLOBALS: ReadonlySet<Value | undefined> = new Set<Value>([
  'configFile',
  'service',
  'logLevel',
])
const FORMS = /^(?:table|json|jsonp|yaml|tmpl)$|\{\{/
/** Whoever asks for more wants to see what the command does by itself. */
const QUIET_LEVELS = /^(?:panic|fatal|error|warn|warning)$/i

/**
 * Reads `volume ls` and `volume path` in their plain forms. Undefined for everything else, which is no mistake: abbreviated,
 * older and misspelt forms, help, flags of its own before the verb.
 */
export function readQuickRequest(args: readonly string[]): QuickRequest | undefined {
  const start = globalsBefore(args)
  const [group, word = '', ...rest] = args.slice(start)
  const verb = VERBS.get(word)
  if (group !== 'volume' || verb === undefined) return undefined
  const { names, switches, given } = readWords([...args.slice(0, start), ...rest])
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

/** How many words before the command say what holds for all commands. */
function globalsBefore(args: readonly string[]): number {
  let count = 0
  for (;;) {
    const { flag, inline } = flagIn(args[count] ?? '')
    if (!GLOBALS.has(VALUES.get(flag))) return count
    count += inline === undefined ? 2 : 1
  }
}

/** A flag, and the value that stands in the same word. */
function flagIn(word: string): { readonly flag: string; readonly inline?: string | undefined } {
  const [flag = word, inline] = /^(--\w+)=(.*)$/s.exec(word)?.slice(1) ?? []
  return { flag, inline }
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
    const { flag, inline } = flagIn(word)
    const [toggle, value] = [SWITCHES.get(word), VALUES.get(flag)]
    if (toggle !== undefined) switches[toggle] = true
    else if (value !== undefined) given.push([value, inline ?? words[++index] ?? ''])
    else names.push(word)
  }
  return { names, switches, given }
}

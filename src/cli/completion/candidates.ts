import type { Command, Option } from 'commander'
import { NEW_FILE_SYSTEMS } from '../../libstorage/file-system.ts'
import type { CommandContext } from '../context.ts'
import { FORMATS } from '../output/forms.ts'
import { FILES } from './scripts.ts'
import { volumeNames } from './volume-names.ts'

/** Names that a shell takes as they stand; others are left to be typed. */
const PLAIN = /^[\w.@%+:,-]+$/

/** What a flag is usually given, where other values are possible or are checked elsewhere. */
const KNOWN_VALUES: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['--format', FORMATS],
  ['--logLevel', ['error', 'warn', 'info', 'debug']],
  ['--fsType', NEW_FILE_SYSTEMS],
])

/** Flags whose values are files, folders or devices. */
const FILE_FLAGS: readonly string[] = [
  '--config',
  '--root',
  '--path',
  '--deviceName',
  '--mountPoint',
]

/**
 * What the last of some words may become: a line for each, or {@link FILES} where it is a file. Never rejects, and is empty
 * where nothing is known.
 */
export async function completionLines(
  { host }: Pick<CommandContext, 'host'>,
  program: Command,
  words: readonly string[],
): Promise<string> {
  const { before, start, kept } = wordAtCursor(words)
  const command = commandOf(program, before)
  const flag = flagBefore(command, before.at(-1))
  if (flag === undefined && kept !== undefined) return ''
  const isFile = flag === undefined ? takesFile(command) : FILE_FLAGS.includes(flag.long ?? '')
  if (isFile && !(flag === undefined && start.startsWith('-'))) return `${FILES}\n`
  const all =
    flag !== undefined
      ? await valuesOf(flag, host)
      : start.startsWith('-')
        ? flagsOf(command)
        : [...verbsOf(command), ...choicesOf(command), ...(await namesFor(command, host))]
  const fitting = all.filter((word) => word.startsWith(start) && PLAIN.test(word))
  return [...new Set(fitting)].map((word) => `${kept ?? ''}${word}\n`).join('')
}

interface WordAtCursor {
  readonly before: readonly string[]
  /** What is completed. */
  readonly start: string
  /** What stands before it in the same word; undefined where it is a word of its own. */
  readonly kept?: string
}

/** `--flag=value` is one word, but for bash, which takes it apart into three. */
function wordAtCursor(words: readonly string[]): WordAtCursor {
  const [last = '', second, third] = words.toReversed()
  const isFlag = (word: string | undefined) => word?.startsWith('--') === true
  if (last === '=' && isFlag(second)) return { before: words.slice(0, -1), start: '', kept: '' }
  if (second === '=' && isFlag(third)) return { before: words.slice(0, -2), start: last, kept: '' }
  const { flag, value = '' } = /^(?<flag>--\w+)=(?<value>.*)$/s.exec(last)?.groups ?? {}
  if (flag === undefined) return { before: words.slice(0, -1), start: last }
  return { before: [...words.slice(0, -1), flag], start: value, kept: `${flag}=` }
}

function takesFile({ registeredArguments }: Command): boolean {
  return registeredArguments.some((argument) => argument.name() === 'file')
}

function commandOf(program: Command, words: readonly string[]): Command {
  return words.reduce(
    (command, word) =>
      command.commands.find((one) => one.name() === word || one.aliases().includes(word)) ??
      command,
    program,
  )
}

function verbsOf(command: Command): readonly string[] {
  const shown = command.createHelp().visibleCommands(command)
  return command.commands.filter((child) => shown.includes(child)).map((child) => child.name())
}

/** The flag that a word is, if it takes a value: that comes next. */
function flagBefore(command: Command, word = ''): Option | undefined {
  const own = command.options.find(
    ({ long, short }) => word !== '' && (long === word || short === word),
  )
  if (own !== undefined) return own.required || own.optional ? own : undefined
  return command.parent === null ? undefined : flagBefore(command.parent, word)
}

async function valuesOf(
  { argChoices, long }: Option,
  host: CommandContext['host'],
): Promise<readonly string[]> {
  if (argChoices !== undefined) return argChoices
  if (long === '--service') return await serviceNames(host)
  return KNOWN_VALUES.get(long ?? '') ?? []
}

async function serviceNames(host: CommandContext['host']): Promise<readonly string[]> {
  try {
    return (await host.loadConfig({})).services.map(({ name }) => name)
  } catch {
    return []
  }
}

function choicesOf({ registeredArguments }: Command): readonly string[] {
  return registeredArguments.flatMap(({ argChoices = [] }) => argChoices)
}

function flagsOf(command: Command): readonly string[] {
  const own = command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []))
  return command.parent === null ? [...own, '--help'] : [...own, ...flagsOf(command.parent)]
}

async function namesFor(
  command: Command,
  host: CommandContext['host'],
): Promise<readonly string[]> {
  const isOfVolumes = command.parent?.name() === 'volume' && command.name() !== 'create'
  const takesNames = isOfVolumes || command.name() === 'events'
  const makesSnapshot = command.parent?.name() === 'snapshot' && command.name() === 'create'
  const isDoctor = command.name() === 'doctor'
  if (!takesNames && !makesSnapshot && !isDoctor) return []
  try {
    return await volumeNames(await host.directories())
  } catch {
    return []
  }
}

import type { Command, Option } from 'commander'
import { NEW_FILE_SYSTEMS } from '../../libstorage/file-system.ts'
import type { CommandContext } from '../context.ts'
import { FORMATS } from '../output/forms.ts'
import { volumeNames } from './volume-names.ts'

/** Names that a shell takes as they stand; others are left to be typed. */
const PLAIN = /^[\w.@%+:,-]+$/

/** What a flag is usually given, where other values are possible or are checked elsewhere. */
const KNOWN_VALUES: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['--format', FORMATS],
  ['--logLevel', ['error', 'warn', 'info', 'debug']],
  ['--fsType', NEW_FILE_SYSTEMS],
])

/** What the last of some words may become: a line for each. Never rejects, and is empty where nothing is known. */
export async function completionLines(
  { host }: Pick<CommandContext, 'host'>,
  program: Command,
  words: readonly string[],
): Promise<string> {
  const start = words.at(-1) ?? ''
  const command = commandOf(program, words.slice(0, -1))
  const flag = flagBefore(command, words.at(-2))
  const all =
    flag !== undefined
      ? await valuesOf(flag, host)
      : start.startsWith('-')
        ? flagsOf(command)
        : [...verbsOf(command), ...choicesOf(command), ...(await namesFor(command, host))]
  const fitting = all.filter((word) => word.startsWith(start) && PLAIN.test(word))
  return [...new Set(fitting)].map((word) => `${word}\n`).join('')
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
  return command.commands.map((child) => child.name())
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

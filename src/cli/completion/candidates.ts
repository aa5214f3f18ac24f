import type { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import { volumeNames } from './volume-names.ts'

/** Names that a shell takes as they stand; others are left to be typed. */
const PLAIN = /^[\w.@%+:,-]+$/

/** What the last of some words may become: a line for each. Never rejects, and is empty where nothing is known. */
export async function completionLines(
  { host }: Pick<CommandContext, 'host'>,
  program: Command,
  words: readonly string[],
): Promise<string> {
  const start = words.at(-1) ?? ''
  const command = commandOf(program, words.slice(0, -1))
  const all = start.startsWith('-')
    ? flagsOf(command)
    : [...verbsOf(command), ...(await namesFor(command, host))]
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

function flagsOf(command: Command): readonly string[] {
  const own = command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []))
  return command.parent === null ? [...own, '--help'] : [...own, ...flagsOf(command.parent)]
}

async function namesFor(
  command: Command,
  host: CommandContext['host'],
): Promise<readonly string[]> {
  const takesNames = command.parent?.name() === 'volume' && command.name() !== 'create'
  const makesSnapshot = command.parent?.name() === 'snapshot' && command.name() === 'create'
  if (!takesNames && !makesSnapshot) return []
  try {
    return await volumeNames(await host.directories())
  } catch {
    return []
  }
}

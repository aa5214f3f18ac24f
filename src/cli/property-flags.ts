import type { Command } from 'commander'

/** A command line, with the flags that are named like configuration keys taken out. */
export interface SplitArguments {
  readonly rest: readonly string[]
  /** By their names without dashes. */
  readonly properties: Readonly<Record<string, string>>
}

/** `--ebsRegion`, `--libstorage.service`: the first level in lower case, and then at least one more. */
const PROPERTY_FLAG = /^--(?<name>[a-z][a-z0-9]*[A-Z.][\w.]*)(?:=(?<value>.*))?$/

/** What is known of flags by their names, for a command line to be split. */
export interface FlagKnowledge {
  /** Whether a flag, with its dashes, is one of a command. */
  isKnown(flag: string): boolean
  /** Whether a flag, without dashes, is named like a key that is true or false. */
  readSwitches(): Promise<(flag: string) => boolean>
}

/**
 * Takes out the flags that look like configuration keys and belong to no command; whether there is such a key the
 * configuration says. One without a value means `true`; one that is true or false never takes the next word for it.
 */
export async function splitPropertyFlags(
  args: readonly string[],
  { isKnown, readSwitches }: FlagKnowledge,
): Promise<SplitArguments> {
  const end = args.indexOf('--')
  const flags = end < 0 ? args : args.slice(0, end)
  const found = flags.map((arg) => propertyFlag(arg, isKnown))
  const isBare = found.some((flag) => flag !== undefined && flag.value === undefined)
  const isSwitch = isBare ? await readSwitches() : () => false
  const rest: string[] = []
  const properties: Record<string, string> = {}
  for (const [index, arg] of flags.entries()) {
    const property = found[index]
    const before = found[index - 1]
    const isWanted = before !== undefined && before.value === undefined && !isSwitch(before.name)
    if (property !== undefined) properties[property.name] = property.value ?? 'true'
    else if (isWanted && !arg.startsWith('-')) properties[before.name] = arg
    else rest.push(arg)
  }
  return { rest: [...rest, ...args.slice(flags.length)], properties }
}

function propertyFlag(
  arg: string,
  isKnown: (flag: string) => boolean,
): { readonly name: string; readonly value: string | undefined } | undefined {
  const { name, value } = PROPERTY_FLAG.exec(arg)?.groups ?? {}
  return name === undefined || isKnown(`--${name}`) ? undefined : { name, value }
}

/** All long flags of a command and of those beneath it. */
export function longFlags(command: Command): ReadonlySet<string> {
  const own = command.options.flatMap(({ long }) => (long === undefined ? [] : [long]))
  return new Set([...own, ...command.commands.flatMap((child) => [...longFlags(child)])])
}

import type { Command } from 'commander'

/** A command line, with the flags that are named like configuration keys taken out. */
export interface SplitArguments {
  readonly rest: readonly string[]
  /** By their names without dashes. */
  readonly properties: Readonly<Record<string, string>>
}

/** `--ebsRegion`, `--libstorage.service`: the first level in lower case, and then at least one more. */
const PROPERTY_FLAG = /^--(?<name>[a-z][a-z0-9]*[A-Z.][\w.]*)(?:=(?<value>.*))?$/

/**
 * Takes out the flags that look like configuration keys and belong to no command; whether there is such a key the
 * configuration says. One without a value means `true`.
 */
export function splitPropertyFlags(
  args: readonly string[],
  isKnown: (flag: string) => boolean,
): SplitArguments {
  const end = args.indexOf('--')
  const flags = end < 0 ? args : args.slice(0, end)
  const rest: string[] = []
  const properties: Record<string, string> = {}
  for (const [index, arg] of flags.entries()) {
    const property = propertyFlag(arg, isKnown)
    const before = propertyFlag(flags[index - 1], isKnown)
    if (property !== undefined) properties[property.name] = property.value ?? 'true'
    else if (before !== undefined && before.value === undefined && !arg.startsWith('-'))
      properties[before.name] = arg
    else rest.push(arg)
  }
  return { rest: [...rest, ...args.slice(flags.length)], properties }
}

function propertyFlag(
  arg: string | undefined,
  isKnown: (flag: string) => boolean,
): { readonly name: string; readonly value: string | undefined } | undefined {
  const { name, value } = PROPERTY_FLAG.exec(arg ?? '')?.groups ?? {}
  return name === undefined || isKnown(`--${name}`) ? undefined : { name, value }
}

/** All long flags of a command and of those beneath it. */
export function longFlags(command: Command): ReadonlySet<string> {
  const own = command.options.flatMap(({ long }) => (long === undefined ? [] : [long]))
  return new Set([...own, ...command.commands.flatMap((child) => [...longFlags(child)])])
}

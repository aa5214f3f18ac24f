import { Command, Option } from 'commander'
import type { CommandContext } from '../context.ts'
import { renderJson } from '../output/json.ts'
import { findingsOf, findingText, summary } from './findings.ts'
import { settingsAsJson, settingsAsYaml } from './settings.ts'

/**
 * The command `config`: shows what is in force and where it comes from, and `config check` what is wrong. `inherit` gives a
 * command the ways of the program.
 */
export function configCommand(
  context: CommandContext,
  runs: (work: Promise<number>) => Promise<void>,
  inherit: (command: Command) => Command,
): Command {
  const group = inherit(new Command('config'))
    .description('print the configuration in force, and where each value comes from')
    .addOption(
      new Option('-f, --format <format>', 'how it is printed')
        .choices(['yaml', 'json'])
        .default('yaml'),
    )
    .action(({ format }: { format: string }) => runs(show(context, format)))
  group
    .command('check [file]')
    .description('say all that is wrong with a configuration file, or with those in force')
    .action((file: string | undefined) => runs(check(context, file)))
  return group
}

/** A configuration with mistakes is in force nowhere: then they are said instead. */
async function show(context: CommandContext, format: string): Promise<number> {
  const { stdout, stderr } = context
  const examined = await context.examineConfig(context.flags())
  for (const finding of findingsOf(examined)) stderr.write(findingText(finding))
  if (examined.mistakes.length > 0) return 1
  stdout.write(
    format === 'json'
      ? `${renderJson(settingsAsJson(examined), 'jsonp')}
`
      : settingsAsYaml(examined),
  )
  return 0
}

async function check(context: CommandContext, file: string | undefined): Promise<number> {
  const flags = { ...context.flags(), ...(file !== undefined && { configFile: file }) }
  const examined = await context.examineConfig(flags)
  for (const finding of findingsOf(examined)) context.stdout.write(findingText(finding))
  context.stdout.write(`${summary(examined)}\n`)
  return examined.mistakes.length === 0 ? 0 : 1
}

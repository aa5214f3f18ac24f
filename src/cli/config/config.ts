import { Command, Option } from 'commander'
import { nearest } from '../../libstorage/nearest.ts'
import type { CommandContext } from '../context.ts'
import { renderJson } from '../output/json.ts'
import type { RunWork } from '../program.ts'
import { withExamples } from '../verb.ts'

/** The command `config`: shows what is in force and where it comes from, and `config check` what is wrong. */
export function configCommand(context: CommandContext, runs: RunWork): Command {
  const group = new Command('config')
    .description('print the configuration in force, and where each value comes from')
    .addOption(
      new Option('-f, --format <format>', 'how it is printed')
        .choices(['yaml', 'json'])
        .default('yaml'),
    )
    .usage('[options] [command]')
    // A word too many is a command that was misspelt.
    .argument('[command...]')
    .action(([word]: readonly string[], { format }: { format: string }) => {
      if (word !== undefined) refuseWord(group, word)
      return runs(show(context, format))
    })
  const checking = group
    .command('check [file]')
    .description('say all that is wrong with a configuration file, or with those in force')
    .action((file: string | undefined) => runs(check(context, file)))
  withExamples(checking, ['config check', 'config check ./config.yml'])
  return withExamples(group, ['config', 'config -f json'])
}

function refuseWord(group: Command, word: string): never {
  const near = nearest(
    word,
    group.commands.map((command) => command.name()),
  )
  const hint = near === undefined ? '' : `\n(Did you mean ${near}?)`
  return group.error(`error: unknown command '${word}'${hint}`, {
    code: 'commander.unknownCommand',
  })
}

/** A configuration with mistakes is in force nowhere: then they are said instead. */
async function show(context: CommandContext, format: string): Promise<number> {
  const { stdout, stderr } = context
  const { settingsAsJson, settingsAsYaml } = await import('./settings.ts')
  const { findingsOf, findingText } = await import('./findings.ts')
  const examined = await context.examineConfig(context.flags())
  for (const finding of findingsOf(examined)) stderr.write(findingText(finding))
  if (examined.mistakes.length > 0) return 1
  stdout.write(
    format === 'json'
      ? `${renderJson(settingsAsJson(examined), 'jsonp')}\n`
      : settingsAsYaml(examined),
  )
  return 0
}

async function check(context: CommandContext, file: string | undefined): Promise<number> {
  const { findingsOf, findingText, summary } = await import('./findings.ts')
  const flags = { ...context.flags(), ...(file !== undefined && { configFile: file }) }
  const examined = await context.examineConfig(flags)
  for (const finding of findingsOf(examined)) context.stdout.write(findingText(finding))
  context.stdout.write(`${summary(examined)}\n`)
  return examined.mistakes.length === 0 ? 0 : 1
}

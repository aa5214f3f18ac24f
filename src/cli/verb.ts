import { Command } from 'commander'
import type { CommandSession, RunInSession } from './session.ts'

/** What a command that acts on things by name is called and does. */
export interface Verb {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly description: string
  /** As commander has it: `<volume...>`, and what that is. */
  readonly argument: readonly [string, string]
  /** Command lines without the program's name. */
  readonly examples: readonly string[]
}

/** Does what a verb says to what is named. Resolves with the exit status. */
export type Act<Options> = (
  session: CommandSession,
  names: readonly string[],
  options: Options,
) => Promise<number>

/** A command that does something within a session; its own flags are added by whoever makes it. */
export function verbCommand<Options>(run: RunInSession, verb: Verb, act: Act<Options>): Command {
  const { name, aliases = [], description, argument, examples } = verb
  const command = new Command(name)
    .aliases(aliases)
    .description(description)
    .argument(...argument)
    .action((given: string | string[]) =>
      run((session) => act(session, [given].flat(), command.optsWithGlobals() as Options)),
    )
  return withExamples(command, examples)
}

/** As {@link verbCommand}, for a verb that may go on after what fails. */
export function eachCommand<Options>(run: RunInSession, verb: Verb, act: Act<Options>): Command {
  return verbCommand(run, verb, act).option('--continueOnError', 'go on after one that fails')
}

/** Shows command lines beneath a command's help, with the program's name before them. */
export function withExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText('after', ({ command: shown }) => {
    const lines = examples.map((example) => `  ${rootOf(shown).name()} ${example}`)
    return ['', examples.length > 1 ? 'Examples:' : 'Example:', ...lines].join('\n')
  })
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent)
}

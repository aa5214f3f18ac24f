import { Command } from 'commander'
import type { CommandContext } from './context.ts'
import type { OutputOptions } from './output/forms.ts'
import { addOutputOptions } from './output/options.ts'
import type { RunWork } from './program.ts'
import { inCommandSession, type RunInSession } from './session.ts'
import { requireReadableTemplate } from './volume/readable-template.ts'

/** Commands about things of one kind. */
export interface SessionGroup {
  readonly name: string
  readonly description: string
  /** What is printed: `volumes`. */
  readonly things: string
  readonly verbs: readonly ((run: RunInSession) => Command)[]
}

interface GroupOptions extends OutputOptions {
  readonly dryRun?: boolean
}

/** Commands that work with the volumes of a service, and can all be rehearsed. */
export function sessionGroup(
  { name, description, things, verbs }: SessionGroup,
  context: CommandContext,
  runs: RunWork,
): Command {
  const group = addOutputOptions(new Command(name).description(description), things).option(
    '-n, --dryRun',
    'print what would be, and change nothing',
  )
  for (const verb of verbs) {
    const run: RunInSession = (work) => {
      const { dryRun: isRehearsal = false, ...output } = group.opts<GroupOptions>()
      const checked = requireReadableTemplate(output)
      return runs(checked.then(() => inCommandSession(context, { isRehearsal }, work)))
    }
    group.addCommand(verb(run))
  }
  return group
}

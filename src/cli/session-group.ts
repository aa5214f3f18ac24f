import { Command } from 'commander'
import type { CommandContext } from './context.ts'
import { addOutputOptions, type OutputOptions, templateOf } from './output/options.ts'
import type { RunWork } from './program.ts'
import { inCommandSession, type RunInSession } from './session.ts'
import { volumeFunctions } from './volume/volume-fields.ts'

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

/** Rejects with a sentence about a template that nothing could be printed with, before anything is opened. */
async function requireReadableTemplate(options: OutputOptions): Promise<void> {
  const template = templateOf(options)
  if (template === undefined) return
  const { compileTemplate } = await import('./output/template/template.ts')
  compileTemplate(template.text, { functions: volumeFunctions })
}

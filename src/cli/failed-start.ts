import type { Wording } from '../mount/linux/outside-paths.ts'
import type { CommandContext } from './context.ts'

/** How to find out why a start has failed, as a clause with the command that works where this program runs. */
export async function wayToFindOut({ host, invocation }: CommandContext): Promise<string> {
  const { kind } = await host.habitat()
  return kind === 'container'
    ? 'run the image again with `--rm` in place of `-d`, `--name` and `--restart`, and the word `doctor` at the end'
    : `run \`${invocation} doctor\``
}

/** Says on stderr, in these words, what the doctor finds wrong, where nobody can run it: in a managed plugin that does not start. */
export async function reportFailures(context: CommandContext, wording: Wording): Promise<void> {
  const { stderr, programName } = context
  const [{ examine }, { failuresAsText }] = await Promise.all([
    import('../doctor/examine.ts'),
    import('../doctor/report.ts'),
  ])
  const results = await examine(await context.openChecks(context.flags(), undefined))
  const failures = wording(failuresAsText(results))
  const said = failures === '' ? 'finds nothing that fails' : 'finds'
  stderr.write(`${programName}: the doctor ${said}\n${failures}`)
}

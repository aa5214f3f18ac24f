import { Command, Option } from 'commander'
import type { Verdict } from '../../libstorage/check.ts'
import { FailedPreconditionError, InvalidArgumentError } from '../../libstorage/errors.ts'
import type { CommandContext } from '../context.ts'
import type { RunWork } from '../program.ts'
import { withProgress } from '../progress.ts'
import { withExamples } from '../verb.ts'

/** The status that tells a script what was found. */
const STATUSES: Readonly<Record<Verdict, number>> = { pass: 0, skip: 0, warn: 1, fail: 2 }

/** The form of the JSON of `--policy`; what reads it may rely on all fields of this number. */
const SCHEMA = 1

/** The command `doctor`: what is wrong with this machine and its volumes, or with one volume, and what mends it. */
export function doctorCommand(context: CommandContext, runs: RunWork): Command {
  const command = new Command('doctor')
    .description('say what is wrong with this machine and its volumes, and what mends it')
    .argument('[volume]', 'the whole story of this one instead')
    .addOption(
      new Option('-f, --format <format>', 'how it is printed')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--policy', 'print what the platform has to allow this machine instead, as JSON')
    .action((volume: string | undefined, { format, policy }: { format: string; policy?: true }) =>
      runs(policy === true ? printPolicies(context, volume) : diagnose(context, volume, format)),
    )
  return withExamples(command, ['doctor', 'doctor data', 'doctor -f json', 'doctor --policy'])
}

/** Changes nothing, and needs no permission. Rejects with an error for the user where no service has a policy. */
async function printPolicies(context: CommandContext, volume: string | undefined): Promise<number> {
  if (volume !== undefined)
    throw new InvalidArgumentError({
      subject: 'doctor --policy',
      problem: 'is about services, not about a volume',
      remedy: 'leave the volume out',
    })
  const services = await withProgress(context.stderr, 'looking', () =>
    context.openPolicies(context.flags()),
  )
  if (services.length === 0)
    throw new FailedPreconditionError({
      subject: 'doctor --policy',
      problem:
        'has nothing to print: no configured service is of a driver that needs permissions, such as ebs',
      remedy: 'configure one: libstorage.service: ebs',
    })
  context.stdout.write(`${JSON.stringify({ schema: SCHEMA, services }, undefined, 2)}\n`)
  return 0
}

/** Changes nothing. Resolves with 0 where all is well, 1 where there are warnings, 2 where something failed. */
async function diagnose(
  context: CommandContext,
  volume: string | undefined,
  format: string,
): Promise<number> {
  const { stdout, stderr } = context
  const [{ examine }, { reportAsJson, reportAsText, verdictOf }] = await Promise.all([
    import('../../doctor/examine.ts'),
    import('../../doctor/report.ts'),
  ])
  const results = await withProgress(stderr, 'looking', async () =>
    examine(await context.openChecks(context.flags(), volume)),
  )
  const coloured = stdout.hasColors?.() === true
  stdout.write(format === 'json' ? reportAsJson(results) : reportAsText(results, { coloured }))
  const status = STATUSES[verdictOf(results)]
  // What hangs would keep the process until it goes on.
  context.exit(status)
  return status
}

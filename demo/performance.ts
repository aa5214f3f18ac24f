import { missingTools } from '../test/support/installed-tools.ts'

/** What a story is played on. */
export interface Stage {
  /** Calls for the end, and takes away what there is. Repeats do no harm. */
  end(): Promise<void>
  /** The end, after which nothing is left and nothing more is started. */
  close(): Promise<void>
  readonly isOver: boolean
}

/** Plays a story and ends the process: with 0, with 130 after an interruption, with 1 when something failed. */
export async function perform(
  tools: readonly string[],
  stage: Stage,
  story: () => Promise<void>,
): Promise<never> {
  const lack = whatIsMissing(tools)
  if (lack !== undefined) {
    console.error(lack)
    process.exit(1)
  }
  for (const event of ['SIGTERM', 'disconnect']) process.on(event, () => void stage.end())
  // Nobody reads any more.
  process.stdout.on('error', () => void stage.end())
  const status = await played(stage, story)
  await stage.close()
  process.exit(status)
}

function whatIsMissing(tools: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0)
    return 'the demonstration needs root: it makes disks, mounts them and runs Docker engines'
  const missing = missingTools(tools)
  return missing.length === 0 ? undefined : `the demonstration needs ${missing.join(', ')}`
}

async function played(stage: Stage, story: () => Promise<void>): Promise<number> {
  try {
    await story()
    return stage.isOver ? 130 : 0
  } catch (error) {
    if (stage.isOver) return 130
    console.error(error)
    return 1
  }
}

import type { Command } from 'commander'
import { InvalidArgumentError } from '../../libstorage/errors.ts'
import { readSize } from '../../mount/volume-options.ts'
import type { CommandSession, RunInSession } from '../session.ts'
import { eachCommand } from '../verb.ts'
import { collect, optionsOf } from './create.ts'
import { eachVolume } from './matching.ts'
import { type PrintOptions, printEvenIfItFails } from './print-volumes.ts'

/** What `volume resize` was asked for. */
export interface ResizeOptions extends PrintOptions {
  readonly size?: string
  /** `size=N`, as Docker's `-o`. */
  readonly opt?: readonly string[]
  readonly continueOnError?: boolean
}

/** The command `volume resize`. */
export function resizeCommand(run: RunInSession): Command {
  return eachCommand(
    run,
    {
      name: 'resize',
      aliases: ['grow', 'expand'],
      description: 'make volumes larger, and the file systems on them',
      argument: ['<volume...>', 'their names or ids'],
      examples: ['volume resize data --size 40'],
    },
    resizeVolumes,
  )
    .option('--size <GiB>', 'how large they shall be')
    .option('-o, --opt <key=value>', 'the same as size=GiB', collect)
}

/** Makes the volumes larger and prints them. */
export async function resizeVolumes(
  session: CommandSession,
  names: readonly string[],
  options: ResizeOptions,
): Promise<number> {
  const sizeGiB = requestedSize(options)
  const { volumes, signal } = session
  const { continueOnError } = options
  return await printEvenIfItFails(session, options, (resized) =>
    eachVolume(session, { names, doing: 'resizing', continueOnError }, async (name) => {
      const view = await volumes.resize(name, sizeGiB, { signal })
      resized.push(view)
      if (view.lastError !== undefined) session.warn(view.lastError)
    }),
  )
}

function requestedSize({ size, opt = [] }: ResizeOptions): number {
  const given = Object.entries(optionsOf(opt))
  const other = given.find(([key]) => key.toLowerCase() !== 'size')
  if (other !== undefined)
    throw new InvalidArgumentError({
      subject: `option ${other[0]}`,
      problem: 'cannot be changed',
      remedy: 'say size only',
    })
  const text = size ?? given[0]?.[1]
  if (text === undefined)
    throw new InvalidArgumentError({
      subject: 'option size',
      problem: 'is missing',
      remedy: 'say how many GiB the volume shall have',
    })
  return readSize(text)
}

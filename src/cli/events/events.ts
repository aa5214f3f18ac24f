import { sleep } from '../../libstorage/wait.ts'
import { EventLog, type RecordedEvent } from '../../mount/event-log.ts'
import type { CommandContext } from '../context.ts'
import { printable } from '../output/table.ts'
import { interruptible } from '../session.ts'
import { volumeTest } from '../volume/volume-test.ts'
import type { EventsOptions } from './command.ts'

const LOOK_MS = 250

/** Prints the events that are wanted; those of all volumes where none is named. Resolves with the exit status. */
export async function printEvents(
  context: CommandContext,
  wanted: readonly string[],
  { format, since = 0, follow = false }: EventsOptions,
): Promise<number> {
  const tests = wanted.map(volumeTest)
  const isWanted = ({ time, volume: name, volumeId: id = '' }: RecordedEvent) =>
    Date.parse(time) >= since && (tests.length === 0 || tests.some((test) => test({ id, name })))
  const { log } = await context.host.directories()
  const events = new EventLog(log)
  const print = () => {
    const lines = events
      .next()
      .filter(isWanted)
      .map(format === 'json' ? jsonLine : textLine)
    context.stdout.write(lines.join(''))
  }
  if (!follow) {
    print()
    return 0
  }
  return await repeated(context, print)
}

/** Does it until the command is interrupted, which is how it is meant to end, or nobody reads any more. */
async function repeated(context: CommandContext, print: () => void): Promise<number> {
  const { signal, end } = interruptible(context)
  try {
    while (!signal.aborted && context.stdout.writable !== false) {
      print()
      await sleep(LOOK_MS, signal).catch(() => undefined)
    }
    return 0
  } finally {
    end()
  }
}

function jsonLine(event: RecordedEvent): string {
  return `${JSON.stringify(event)}\n`
}

/** As `docker events` has it: time, what happened to which volume, and in brackets what else is known. */
function textLine({ time, kind, volume, ...facts }: RecordedEvent): string {
  const { service, volumeId, instance, holder, durationMs, cause } = facts
  const known = Object.entries({
    service,
    id: volumeId,
    instance,
    holder: holder?.slice(0, 12),
    took: durationMs === undefined ? undefined : `${durationMs / 1_000} s`,
    cause,
  })
  const told = known.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
  return `${printable(`${time} ${kind} ${volume} (${told.join(', ')})`)}\n`
}

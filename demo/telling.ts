import type { Engine } from '../test/support/dockerd.ts'
import type { Ec2Simulator } from '../test/support/ec2/simulator.ts'

/** Says what comes next. */
export function say(text: string): void {
  console.log(`\n${text}`)
}

/** Shows what EC2 has of a volume, and what it was asked for since it was last shown. */
export function showEc2(simulator: Ec2Simulator, volume: string): void {
  const counts = Object.entries(simulator.takeCounts()).map(
    ([action, count]) => `${action} ${count}`,
  )
  const asked = counts.length === 0 ? 'was asked for nothing' : `was asked for ${counts.join(', ')}`
  const [seen] = simulator.named(volume)
  const [attachment] = seen?.attachments ?? []
  const where = attachment && `, at ${attachment.instanceId} as ${attachment.device}`
  const state =
    seen && `${volume} is ${seen.id}, ${seen.sizeGiB} GiB ${seen.type}, ${seen.state}${where ?? ''}`
  console.log(`EC2 ${asked}; ${state ?? `there is no ${volume}`}`)
}

/**
 * Runs one docker command and shows it with all that it says. Rejects when it does not end as it is expected to, and shows
 * nothing of it where `requireGoingOn` throws then.
 */
export async function showDocker(
  { name, engine }: { readonly name: string; readonly engine: Engine },
  args: readonly string[],
  expected: 'succeed' | 'fail' = 'succeed',
  requireGoingOn: () => unknown = () => undefined,
): Promise<void> {
  const command = ['docker', ...args].map(quoted).join(' ')
  console.log(`${name} $ ${command}`)
  const { status, stdout, stderr } = await engine.attempt(...args)
  requireGoingOn()
  process.stdout.write(`${stdout}${stderr}`)
  if ((status === 0) !== (expected === 'succeed'))
    throw new Error(`${command} ended with ${status}, and was to ${expected}`)
}

/** As a shell would want it. */
function quoted(word: string): string {
  return /^[\w./:=-]+$/.test(word) ? word : `'${word}'`
}

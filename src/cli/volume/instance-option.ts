import { Option } from 'commander'
import { InvalidArgumentError } from '../../libstorage/errors.ts'
import type { CommandSession } from '../session.ts'

/** 0.3's flag that names the machine; only this one can be meant. */
export function instanceOption(): Option {
  return new Option(
    '--instanceID <id>',
    "accepted for REX-Ray's sake where it is this machine",
  ).hideHelp()
}

/** Rejects with `InvalidArgumentError` where another machine is named than this one. */
export async function requireThisInstance(
  session: CommandSession,
  { instanceID }: { readonly instanceID?: string },
): Promise<void> {
  if (instanceID === undefined) return
  const { instance } = await session.viewpoint()
  if (instanceID === instance) return
  throw new InvalidArgumentError({
    subject: `flag --instanceID ${instanceID}`,
    problem: `names another machine than this one, ${instance}`,
    remedy: 'run the command there',
  })
}

import path from 'node:path'
import type { Check, Finding } from '../../../libstorage/check.ts'
import { TimeoutError } from '../../../libstorage/errors.ts'
import { fail, pass, warn } from '../../../libstorage/findings.ts'
import { shellWord } from '../../../libstorage/shell.ts'
import { together } from '../../../libstorage/wait.ts'
import type { Reference, WebSession } from '../client.ts'
import { Code, hasCode, isFault } from '../fault.ts'
import { isDirectlyIn, isOfWindows, lastPart } from '../host-path.ts'
import { BEFORE, type Examined } from './examined.ts'

/** How long a folder of the host may take to be read, in milliseconds. */
const READING_MS = 2_500
const UNTOLD = 'whether it can be written shows only when a volume is made'

/** Whether the folder for volumes is there on the host, as far as VirtualBox tells it without making anything. */
export function folderCheck(examined: Examined): Check {
  return {
    id: 'virtualbox.folder',
    title: 'the folder for volumes on the host',
    after: BEFORE,
    async run(signal) {
      const { volumePath } = examined.settings
      if (volumePath === undefined)
        return [
          fail(
            'virtualbox.volumePath is not set',
            'mkdir <folder>   # on the host, as the user who owns the machines',
            'set virtualbox.volumePath to that folder, which is for volumes alone',
          ),
        ]
      return await examined.ask(
        `folder ${volumePath}`,
        async (session) => [await judged(session, volumePath, signal)],
        signal,
      )
    },
  }
}

async function judged(session: WebSession, folder: string, signal: AbortSignal): Promise<Finding> {
  const system = await systemOf(session, signal)
  if (system !== undefined && /windows/i.test(system) !== isOfWindows(folder))
    return fail(
      `virtualbox.volumePath ${folder} is no path of the host, which is ${system}`,
      `set it as the host writes it, such as ${/windows/i.test(system) ? 'C:\\Users\\me\\volumes' : '/home/me/volumes'}`,
    )
  try {
    return await looked(session, folder, signal)
  } catch (error) {
    if (!isUntold(error)) throw error
    return warn(
      `whether ${folder} is there on the host, this version of VirtualBox does not tell`,
      `ls -ld ${shellWord(folder)}   # on the host`,
    )
  }
}

async function looked(session: WebSession, folder: string, signal: AbortSignal): Promise<Finding> {
  if ((await reading(session, folder, signal)) !== undefined)
    return pass(`${folder} is a folder of the host; ${UNTOLD}`)
  const parent = (isOfWindows(folder) ? path.win32 : path.posix).dirname(folder)
  const above = await reading(session, parent, signal)
  const names = lastPart(folder.replace(/[\\/]+$/, ''))
  const there =
    above === undefined
      ? []
      : await session.call('IVFSExplorer_exists', { _this: above, names }, signal)
  if (there.length > 0)
    return fail(
      `${folder} on the host is no folder, or one that the user of vboxwebsrv must not read`,
      `ls -ld ${shellWord(folder)}   # on the host`,
      'run vboxwebsrv as the user whose folder it is, or set virtualbox.volumePath to another one',
    )
  return await absent(session, folder, signal)
}

/** VirtualBox makes a folder that is not there; but one that had disks is not mounted, or was moved. */
async function absent(session: WebSession, folder: string, signal: AbortSignal): Promise<Finding> {
  const refs = await session.call('IVirtualBox_getHardDisks', { _this: session.root }, signal)
  const all = await together(
    refs.map((_this) => session.call('IMedium_getLocation', { _this }, signal).catch(() => '')),
  )
  const known = all.filter((location) => isDirectlyIn(folder, location)).length
  const seen = `${folder} is not there on the host, as far as the user of vboxwebsrv sees`
  if (known > 0)
    return fail(
      `${seen}, and VirtualBox knows ${known} disk${known === 1 ? '' : 's'} in it`,
      'mount what belongs there, or bring it back',
    )
  return warn(
    `${seen}; VirtualBox makes it with the first volume, if it may`,
    `mkdir -p ${shellWord(folder)}   # on the host, as the user who owns the machines`,
  )
}

/** Undefined where it cannot be read, of which VirtualBox gives no reason. */
async function reading(
  session: WebSession,
  folder: string,
  signal: AbortSignal,
): Promise<Reference | undefined> {
  const asked = { _this: session.root }
  const _this = await session.call('IVirtualBox_createAppliance', asked, signal)
  const URI = `file://${folder}`
  const explorer = await session.call('IAppliance_createVFSExplorer', { _this, URI }, signal)
  try {
    const progress = await session.call('IVFSExplorer_update', { _this: explorer }, signal)
    if (await session.finished(progress, READING_MS, signal)) return explorer
  } catch (error) {
    if (hasCode(error, Code.fileError)) return undefined
    throw error
  }
  throw new TimeoutError({
    subject: `folder ${folder} of the host`,
    problem: `does not answer within ${READING_MS / 1_000} s`,
    remedy: 'see on the host whether the disk or file server beneath it hangs',
  })
}

/** Undefined where it does not say. */
async function systemOf(session: WebSession, signal: AbortSignal): Promise<string | undefined> {
  try {
    const _this = await session.call('IVirtualBox_getHost', { _this: session.root }, signal)
    return (await session.call('IHost_getOperatingSystem', { _this }, signal)) || undefined
  } catch (error) {
    if (!isUntold(error)) throw error
    return undefined
  }
}

/** Whether a version has no such operation, or another form of it. */
function isUntold(error: unknown): boolean {
  if (hasCode(error, Code.aborted)) return false
  return isFault(error, 'runtime') || isFault(error, 'unknown-method') || isFault(error, 'rejected')
}

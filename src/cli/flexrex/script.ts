import { lstatSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { FailedPreconditionError, systemCode } from '../../libstorage/errors.ts'
import { quoted } from '../../libstorage/shell.ts'
import type { Host } from '../context.ts'
import { writeWhole } from '../service/write-whole.ts'

/** The one script that there is. */
export const FLEXREX = 'flexrex'

/** A script as it lies on this machine. */
export interface ScriptState {
  readonly name: string
  /** Absolute. */
  readonly path: string
  readonly installed: boolean
  /** Whether it is another text than this program would write. */
  readonly modified: boolean
}

/** What tells a script of ours from anybody else's. */
const TITLE = '# FlexVolume driver of Remora'

/** Where kubelet looks for the driver `rexray/flexrex`; REX-Ray's place. */
const KUBELETS = 'usr/libexec/kubernetes/kubelet-plugins/volume/exec/rexray~flexrex/flexrex'

/** Where the script is for kubelet, unless another path is named. */
export function kubeletsPath({ home }: Pick<Host, 'home'>): string {
  return join(home ?? '/', KUBELETS)
}

/** The driver, which leaves all to this program. kubelet takes whatever is said for the answer, so that nothing else may be said. */
export function scriptText({ command, home }: Pick<Host, 'command' | 'home'>): string {
  const environment = home === undefined ? [] : ['env', `REXRAY_HOME=${home}`]
  const words = [...environment, ...command].map(quoted).join(' ')
  return `#!/bin/sh\n${TITLE}\nexec ${words} flexrex call -- "$@" 2>/dev/null\n`
}

/** How the script at a path stands. */
export function scriptAt(path: string, host: Host): ScriptState {
  const text = textAt(path)
  const installed = text !== undefined
  return { name: FLEXREX, path, installed, modified: installed && text !== scriptText(host) }
}

/** Writes the script. Throws `FailedPreconditionError` where anything else lies there, unless that is to be replaced. */
export function installScript(path: string, host: Host, isForced: boolean): ScriptState {
  if (!isForced) refuseForeign(path)
  touching(path, () => writeWhole(path, scriptText(host), 0o755))
  return scriptAt(path, host)
}

/** Takes the script away; one that is not there is as it should be. Throws `FailedPreconditionError` where it is no script of ours. */
export function uninstallScript(path: string, isForced: boolean): void {
  if (!isForced) refuseForeign(path)
  touching(path, () => rmSync(path, { force: true }))
  // To kubelet an empty folder of that name is a driver that is broken.
  if (basename(dirname(path)).includes('~')) removeIfEmpty(dirname(path))
}

function refuseForeign(path: string): void {
  const text = textAt(path)
  if (text === undefined || text.split('\n').includes(TITLE)) return
  throw new FailedPreconditionError({
    subject: path,
    problem: 'is not a script of Remora',
    remedy: 'put it aside, or give --force',
  })
}

/** What is not a file has no text. */
function textAt(path: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return ''
  }
}

function touching(path: string, change: () => void): void {
  try {
    change()
  } catch (cause) {
    const code = systemCode(cause)
    if (code === undefined) throw cause
    throw new FailedPreconditionError({
      subject: path,
      problem: `cannot be changed (${code})`,
      remedy: 'run this as root, or name another --path',
      cause,
    })
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
  }
}

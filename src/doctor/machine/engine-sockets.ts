import path from 'node:path'
import type { ModuleConfig } from '../../config/config.ts'
import type { Finding } from '../../libstorage/check.ts'
import { TimeoutError } from '../../libstorage/errors.ts'
import type { Run } from '../../libstorage/run.ts'
import { shellWord } from '../../libstorage/shell.ts'
import { programOf } from './processes.ts'

/** Where Docker looks for sockets; https://docs.docker.com/engine/extend/plugin_api/ */
const DOCKER_SOCKETS = '/run/docker/plugins'
const LOOK_MS = 2_000

type Socket = Pick<ModuleConfig, 'host' | 'spec'>

/** How an engine's files are looked at, and with whose they are compared. */
export interface EngineLook {
  readonly run: Run
  readonly server: number | 'self'
  readonly signal: AbortSignal
}

/** Whether an engine finds a socket of ours: where it looks by itself, or by a file that says where it is; undefined where that hangs. */
export async function isFound(
  { host, spec }: Socket,
  engine: number,
  look: EngineLook,
): Promise<boolean | undefined> {
  const folder = folderOf(host)
  try {
    if (folder !== DOCKER_SOCKETS) return (await said(look, 'cat', [], engine, spec)) === host
    const [ours, theirs] = await Promise.all(
      [look.server, engine].map((pid) => said(look, 'stat', ['-L', '-c', '%d:%i'], pid, folder)),
    )
    return ours !== undefined && ours === theirs
  } catch (error) {
    if (error instanceof TimeoutError) return undefined
    throw error
  }
}

/** What a tool says of a file as a process sees it, undefined where it fails. A child, since what hangs holds its process. */
async function said(
  { run, signal }: EngineLook,
  tool: string,
  options: readonly string[],
  pid: number | 'self',
  file: string,
): Promise<string | undefined> {
  const limits = { timeoutMs: LOOK_MS, signal }
  const args = [...options, '--', `/proc/${pid}/root${file}`]
  const { exitCode, stdout } = await run(tool, args, limits)
  return exitCode === 0 ? stdout.trim() : undefined
}

/** A file or folder of an engine's that holds up who looks at it. */
export function hanging(engine: string, { host, spec }: Socket): Finding {
  const folder = folderOf(host)
  const place = folder === DOCKER_SOCKETS ? folder : spec
  return {
    verdict: 'fail',
    seen: `what ${engine} has at ${place} does not answer: the disk or file server beneath it hangs`,
    remedy: `findmnt -T ${shellWord(place)}\nmend or unmount that`,
  }
}

/** An engine that sees what we see, and has nothing that leads it to our socket. */
export function withoutSpec(engine: string, { host, spec }: Socket): Finding {
  return {
    verdict: 'warn',
    seen: `${engine} does not find ${host}: it looks in ${DOCKER_SOCKETS}, and in ${path.dirname(spec)} for files that name another place`,
    remedy: `mkdir -p ${shellWord(path.dirname(spec))} && echo ${shellWord(host)} > ${shellWord(spec)}`,
  }
}

/** Whether an engine is that of Ubuntu's snap. */
export function isOfSnap(engine: number): boolean {
  return programOf(engine)?.includes('/snap/docker/') === true
}

/** An engine of a snap, to which the machine's folder of sockets is another one. */
export function inSnap(engine: string): Finding {
  return {
    verdict: 'warn',
    seen: `${engine} is that of a snap, which does not see the machine's ${DOCKER_SOCKETS}: it finds no plugin there`,
    remedy: 'apt-get install docker.io   # an engine outside of the snap',
  }
}

/** On every system with systemd, /var/run is another name of /run. */
function folderOf(host: string): string {
  return path.dirname(host.replace(/^unix:\/\//, '')).replace(/^\/var\/run\//, '/run/')
}

import { lstat } from 'node:fs/promises'
import { request } from 'node:http'
import path from 'node:path'
import type { ModuleConfig } from '../../config/config.ts'
import type { Check, Finding } from '../../libstorage/check.ts'
import { systemCode } from '../../libstorage/errors.ts'
import { shellWord } from '../../libstorage/shell.ts'
import { timeLimit } from '../../libstorage/wait.ts'
import { isSameHabitat, readHabitat, shortId } from '../habitat.ts'
import { inodeOfUnixSocket, ownerOfSocket } from './processes.ts'

const PATIENCE_MS = 3_000
/** sun_path in unix(7), less its final NUL. */
const LONGEST_PATH = 107
const UNIX = 'unix://'

/** What is known of the sockets that shall be served. */
export interface SocketParts {
  readonly modules: readonly Pick<ModuleConfig, 'name' | 'host'>[]
  /** The process of the running server, undefined where none runs. */
  readonly server: () => Promise<number | undefined>
}

/** Whether something listens on each socket of ours, and whether that is our server. */
export function socketsCheck({ modules, server }: SocketParts): Check {
  return {
    id: 'machine.sockets',
    title: 'the sockets for Docker',
    run: async () => {
      const pid = await server()
      const all = modules.map(({ host }) => lookAt(host, pid))
      const none: Finding = {
        verdict: 'warn',
        seen: 'no module is enabled: nothing listens for Docker',
        remedy: 'set rexray.modules.default-docker.disabled to false',
      }
      return all.length === 0 ? [none] : await Promise.all(all)
    },
  }
}

async function lookAt(host: string, server: number | undefined): Promise<Finding> {
  if (!host.startsWith(UNIX)) return await asked(host, hostOptions(host), { server })
  const file = host.slice(UNIX.length)
  const bytes = Buffer.byteLength(file)
  if (bytes > LONGEST_PATH)
    return fail(
      `${file} is a path of ${bytes} bytes, of which the system takes ${LONGEST_PATH} for a socket`,
      'set a shorter REXRAY_HOME, or rexray.modules.default-docker.host',
    )
  const stats = await lstat(file).catch((error: unknown) => systemCode(error) ?? 'EIO')
  if (stats === 'ENOENT' || stats === 'ENOTDIR') return notServed(`there is no ${file}`, server)
  if (typeof stats === 'string')
    return {
      verdict: 'warn',
      seen: `${file} cannot be looked at (${stats})`,
      remedy: 'sudo remora doctor',
    }
  if (!stats.isSocket())
    return fail(
      `${file} is in the way of the socket of that name and is none`,
      `ls -ld ${shellWord(file)}\nmove it away`,
    )
  const inode = inodeOfUnixSocket(file)
  const owner = inode === undefined ? undefined : ownerOfSocket(inode)
  return await asked(
    file,
    { socketPath: file },
    { server, owner: owner && `pid ${owner.pid} (${owner.command})`, ownerPid: owner?.pid },
  )
}

interface Expected {
  readonly server: number | undefined
  readonly owner?: string | undefined
  readonly ownerPid?: number | undefined
}

async function asked(place: string, target: Target, expected: Expected): Promise<Finding> {
  const who = expected.owner ?? 'another program'
  try {
    const answer = await activate(target)
    if (answer.includes('VolumeDriver')) return answered(place, expected)
    const seen = `${who} listens on ${place} and is no volume plugin`
    return fail(seen, `stop it, or choose another host: ${who}`)
  } catch (error) {
    return unanswered(place, who, expected, error)
  }
}

function answered(place: string, { server, owner, ownerPid }: Expected): Finding {
  const isOurs = ownerPid === undefined ? server !== undefined : ownerPid === server
  const named = owner === undefined ? '' : `, ${owner},`
  if (isOurs) return { verdict: 'pass', seen: `the server${named} answers on ${place}` }
  const elsewhere = inAnotherContainer(place, owner, ownerPid)
  if (elsewhere !== undefined) return elsewhere
  const seen = `${owner ?? 'a volume plugin'} answers on ${place} and is no server of this home`
  if (ownerPid !== undefined) return fail(seen, `stop it: kill ${ownerPid}`)
  return { verdict: 'warn', seen, remedy: `ss -xlp | grep ${shellWord(path.basename(place))}` }
}

/** Only within its own container a server is told from another volume plugin. */
function inAnotherContainer(
  place: string,
  owner: string | undefined,
  pid: number | undefined,
): Finding | undefined {
  const here = readHabitat()
  if (owner === undefined || pid === undefined)
    return here.kind === 'container'
      ? {
          verdict: 'warn',
          seen: `a volume plugin answers on ${place}, and which one cannot be told from this container`,
          remedy: 'remora doctor',
        }
      : undefined
  const there = readHabitat(pid)
  if (there.kind !== 'container' || isSameHabitat(there, here)) return undefined
  const container = shortId(there.id)
  return {
    verdict: 'warn',
    seen: `${owner} answers on ${place} from the container ${container}, of which not all is seen from here`,
    remedy: `docker exec ${container} remora doctor\nor, if that is another program: docker stop ${container}`,
  }
}

function unanswered(place: string, who: string, { server }: Expected, error: unknown): Finding {
  const code = systemCode(error) ?? ''
  if (code === 'ECONNREFUSED') return notServed(`nobody listens on ${place}`, server)
  if (code === 'EACCES' || code === 'EPERM') return notAllowed(place)
  const why = error instanceof Error ? error.message : code
  const remedy = server === undefined ? `stop it: ${who}` : 'remora restart'
  return fail(`${who} listens on ${place} and does not answer as a plugin (${why})`, remedy)
}

function notAllowed(place: string): Finding {
  const seen = `${place} may not be used by this user`
  return { verdict: 'warn', seen, remedy: 'sudo remora doctor' }
}

function notServed(why: string, server: number | undefined): Finding {
  if (server !== undefined)
    return fail(`${why}, though the server runs as pid ${server}`, 'remora restart')
  return { verdict: 'warn', seen: `${why}: no server runs`, remedy: 'remora service start' }
}

type Target = { readonly socketPath: string } | { readonly host: string; readonly port: number }

function hostOptions(host: string): Target {
  const { hostname, port } = new URL(host)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/** What a plugin says that it implements; https://docs.docker.com/engine/extend/plugin_api/ */
function activate(target: Target): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...target,
        method: 'POST',
        path: '/Plugin.Activate',
        agent: false,
        signal: timeLimit(PATIENCE_MS),
      },
      (response) => {
        let text = ''
        response.on('data', (part: Buffer) => {
          text += part.toString()
        })
        response.once('end', () => resolve(text))
        response.once('error', reject)
      },
    )
    sent.once('error', reject)
    sent.end()
  })
}

function fail(seen: string, remedy: string): Finding {
  return { verdict: 'fail', seen, remedy }
}

import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  rmdir,
  unlink,
} from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { FailedPreconditionError, InvalidArgumentError, systemCode } from '../libstorage/errors.ts'
import { listen } from './listen.ts'

/** The longest path of a unix socket in bytes (sun_path in unix(7), less its final NUL). */
const LONGEST_PATH = 107
/** The beginning of the names of rooms beside the socket, see below. */
const ROOM_PREFIX = '.s-'
const ROOM_NAME = /^\.s-[A-Za-z0-9]{6}$/
/** What a room holds: the new socket until it is in place, the stale one that was there. */
const BOUND = 'n'
const ASIDE = 'o'
/** A room lives for milliseconds; one this old belonged to a process that died in it. */
const ROOM_OLD_MS = 60_000

/** A socket file that leads to our server. */
export interface SocketFile {
  /** Removes the file unless it is somebody else's by now. Who has connected stays connected. */
  withdraw(): Promise<void>
}

/*
 * The socket is bound in a room of its own beside its place, a folder that only we may enter, and moved from there:
 *
 * - There is no moment in which others may connect to it: the room is closed until its mode is set.
 * - link(2) puts it into place, and fails where something is already, so that of two servers which start at once one wins.
 * - rename(2) takes a stale one out of its place, and it is asked once more in the room whether it is really dead: what
 *   another server has put there in the meantime goes back.
 * - Node removes the path it has bound when the listener closes, which by then may be the successor's. In the room there
 *   is nothing left for it to remove.
 *
 * Docker takes every socket in this folder for a plugin, but none in a sub-folder of another name.
 */

/** Listens on a unix socket that only its owner may use, in place of a stale one; a live one and other files are respected. */
export async function listenOnSocketFile(server: Server, path: string): Promise<SocketFile> {
  const directory = dirname(path)
  checkLength(path)
  await makeDirectory(directory)
  await removeOldRooms(directory)
  const room = await mkdtemp(join(directory, ROOM_PREFIX))
  try {
    const bound = join(room, BOUND)
    checkLength(bound)
    await listen(server, { path: bound })
    await chmod(bound, 0o600)
    const { dev, ino } = await lstat(bound, { bigint: true })
    await putInPlace(bound, path, join(room, ASIDE))
    await unlink(bound)
    const isOurs = async () => {
      const found = await look(path)
      return found !== undefined && found.dev === dev && found.ino === ino
    }
    if (!(await isOurs())) throw occupied(path)
    return {
      withdraw: async () => {
        if (await isOurs()) await unlink(path)
      },
    }
  } catch (error) {
    server.close()
    throw error
  } finally {
    await leaveRoom(room)
  }
}

async function putInPlace(bound: string, path: string, aside: string): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    try {
      await link(bound, path)
      return
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
    await removeStale(path, aside)
  }
  throw occupied(path)
}

async function removeStale(path: string, aside: string): Promise<void> {
  const found = await look(path)
  if (found === undefined) return
  if (!found.isSocket()) throw notASocket(path)
  if (await answers(path)) throw occupied(path)
  try {
    await rename(path, aside)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  const taken = await look(aside)
  if (taken?.isSocket() === true && !(await answers(aside))) {
    await unlink(aside)
    return
  }
  await rename(aside, path)
  throw occupied(path)
}

/** Whether somebody listens on a socket; where that cannot be told, somebody does. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) => {
      resolve(!['ECONNREFUSED', 'ENOENT'].includes(systemCode(error) ?? ''))
    })
  })
}

async function look(path: string) {
  try {
    return await lstat(path, { bigint: true })
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Every folder that is made is 0755, whatever the umask: clients that are not root may come through. */
async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o755 })
  if (first === undefined) return
  for (let made = directory; made.length >= first.length; made = dirname(made)) {
    await chmod(made, 0o755)
  }
}

/** Rooms that a process died in. Only what such a room can hold is removed, and only if it is dead. */
async function removeOldRooms(directory: string): Promise<void> {
  for (const name of (await readdir(directory)).filter((entry) => ROOM_NAME.test(entry))) {
    const room = join(directory, name)
    const found = await look(room)
    if (found?.isDirectory() !== true) continue
    if (Number(found.mtimeMs) < Date.now() - ROOM_OLD_MS) await leaveRoom(room)
  }
}

async function leaveRoom(room: string): Promise<void> {
  for (const path of [join(room, BOUND), join(room, ASIDE)]) {
    const found = await look(path)
    if (found?.isSocket() === true && !(await answers(path))) await rm(path, { force: true })
  }
  await rmdir(room).catch((error) => {
    if (!['ENOTEMPTY', 'ENOENT'].includes(systemCode(error) ?? '')) throw error
  })
}

function checkLength(path: string): void {
  const length = Buffer.byteLength(path)
  if (length <= LONGEST_PATH) return
  throw new InvalidArgumentError({
    subject: `socket ${path}`,
    problem: `has a path of ${length} bytes, of which the system takes ${LONGEST_PATH}`,
    remedy: 'choose a shorter one',
  })
}

function occupied(path: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: `socket ${path}`,
    problem: 'is in use: another server answers there',
    remedy: 'stop that one or choose another host',
  })
}

function notASocket(path: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: path,
    problem: 'is in the way of the socket of that name and is not a socket',
    remedy: 'move it away or choose another host',
  })
}

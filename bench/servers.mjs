import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The built program. */
export const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

const bare = fileURLToPath(new URL('bare-server.mjs', import.meta.url))

/** True where volumes can be mounted. */
export const isRoot = process.getuid() === 0

/** A directory for one measurement. */
export function makeHome() {
  return mkdtempSync(join(tmpdir(), 'remora-bench-'))
}

/** The environment in which the program has its home there, and nothing else of its own. */
export function environment(home) {
  const foreign = Object.entries(process.env).filter(
    ([name]) => !/^(REXRAY|LIBSTORAGE)_/.test(name),
  )
  return { ...Object.fromEntries(foreign), REXRAY_HOME: home }
}

/** The same as a service manager or an engine hands it on: without what somebody's shell says to node. */
export function serviceEnvironment(home) {
  const all = Object.entries(environment(home))
  return Object.fromEntries(all.filter(([name]) => !name.startsWith('NODE_')))
}

/**
 * Starts the program with a configuration; as root in a mount namespace of its own, so that nothing it mounts stays, where
 * a shell does first what `enter` says.
 */
export async function startProgram(home, configuration, enter = ':') {
  mkdirSync(join(home, 'etc'), { recursive: true })
  writeFileSync(join(home, 'etc/config.yml'), configuration)
  const command = [process.execPath, program, 'start']
  const entering = [
    'unshare',
    '-m',
    '--propagation',
    'private',
    'sh',
    '-c',
    `${enter} && exec "$@"`,
  ]
  if (isRoot) command.unshift(...entering, 'sh')
  const socket = join(home, 'run/docker/plugins/rexray.sock')
  return started(spawn(command[0], command.slice(1), { env: serviceEnvironment(home) }), socket)
}

/** Starts the reference: node:http that answers this reply to everything. */
export function startBare(home, reply) {
  const socket = join(home, 'bare.sock')
  rmSync(socket, { force: true })
  return started(spawn(process.execPath, [bare, socket, reply]), socket)
}

/** Removes all that a measurement left behind, loop devices included. */
export async function removeHome(home) {
  for (const name of readdirSync('/sys/block').filter((block) => block.startsWith('loop'))) {
    if (backingFile(name).startsWith(`${home}/`)) spawnSync('losetup', ['-d', `/dev/${name}`])
  }
  if (isRoot) spawnSync('chattr', ['-R', '-f', '-i', home])
  rmSync(home, { recursive: true, force: true })
}

// A measurement that fails leaves no server behind.
const running = new Set()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

async function started(child, socket) {
  running.add(child)
  child.once('exit', () => running.delete(child))
  let said = ''
  child.stdout.on('data', (chunk) => (said += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  while (!(await answers(socket))) {
    if (hasEnded()) throw new Error(`the server ended: ${said}`)
    await sleep(20)
  }
  return {
    pid: child.pid,
    socket,
    async stop() {
      const ended = hasEnded() ? undefined : once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

function answers(socket) {
  return new Promise((resolve) => {
    const connection = connect(socket)
    connection.once('connect', () => connection.end(() => resolve(true)))
    connection.once('error', () => resolve(false))
  })
}

function backingFile(name) {
  try {
    return readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8')
  } catch {
    return ''
  }
}

// Runs a command of the built program and writes down what V8 compiled for it, of files that no run before has used.
// Without a command it compiles what no run has used.
// Usage: node packaging/code-cache-child.mjs DIST [COMMAND...], with a home in REXRAY_HOME.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { request } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

const [, , dist, ...args] = process.argv
const launcher = join(dist, 'main.js')
const { CODE_SUFFIX, ENTRY, compile, openProgram, writeCode } = createRequire(import.meta.url)(
  launcher,
)
const files = readdirSync(dist).filter((file) => file.endsWith('.js') && file !== 'main.js')
const hasNoCode = (file) => !existsSync(join(dist, file + CODE_SUFFIX))

if (args.length === 0) write(new Map(files.map((file) => [file, compile(join(dist, file))])))
else {
  process.argv = [process.execPath, launcher, ...args]
  const { load, scripts } = openProgram(dist)
  load(ENTRY)
  process.once('exit', () => write(scripts))
  if (args[0] === 'start') await callAndStop()
}

function write(scripts) {
  // V8 takes no code that was made under other flags, and a server changes this one.
  setFlagsFromString('--semi-space-growth-factor=2')
  for (const [file, script] of scripts) if (hasNoCode(file)) writeCode(join(dist, file), script)
}

/** A command beside the server runs otherwise than alone. */
async function callAndStop() {
  const home = process.env['REXRAY_HOME']
  const socket = join(home, 'run/docker/plugins/rexray.sock')
  await until(socket)
  await call(socket, 'Get', { Name: 'nothing' })
  await call(socket, 'List', {})
  await until(join(home, 'var/run/serving.json'))
  const args = [fileURLToPath(import.meta.url), dist, 'volume', 'ls']
  await once(spawn(process.execPath, args, { stdio: 'ignore' }), 'exit')
  process.kill(process.pid, 'SIGTERM')
}

async function until(path) {
  while (!existsSync(path)) await sleep(10)
}

function call(socketPath, name, body) {
  return new Promise((resolve, reject) => {
    const options = { socketPath, path: `/VolumeDriver.${name}`, method: 'POST' }
    request(options, (response) => response.resume().once('end', resolve))
      .once('error', reject)
      .end(JSON.stringify(body))
  })
}

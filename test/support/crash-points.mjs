/**
 * Loaded into a server before its own code (`NODE_OPTIONS=--import`), it numbers the moments at which a crash is worth
 * trying: a child process started, one ended, data made durable, a reply about to be written, a reply written, a request
 * to EC2 about to be sent, its answer about to be read; with CRASH_FILES also a name or a length in a file system changed.
 * Each is a line `<n> <living descendants> <what>` in the file CRASH_LOG. At moment CRASH_AT, or at the CRASH_NTH (the
 * first) whose text matches CRASH_WHEN, the process is killed: CRASH_MODE `tree` with every process that it started,
 * `alone` by itself.
 */
import childProcess from 'node:child_process'
import fs, { appendFileSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import http from 'node:http'
import { syncBuiltinESMExports } from 'node:module'

const { CRASH_LOG, CRASH_AT, CRASH_WHEN, CRASH_NTH = '1', CRASH_MODE, CRASH_FILES } = process.env
// Children that happen to be node are not counted.
for (const name of Object.keys(process.env).filter((one) => /^(NODE_OPTIONS$|CRASH_)/.test(one)))
  delete process.env[name]

let count = 0
let matching = 0
/** The log is a file too. */
let isLogging = false
/** They live as long as the server, and are no work of a volume's. */
const toolShells = new Set()

function point(happened) {
  if (isLogging) return
  count += 1
  const what = happened.replaceAll(/\s+/g, ' ')
  const living = descendants(process.pid).filter((pid) => !toolShells.has(pid))
  isLogging = true
  appendFileSync(CRASH_LOG, `${count} ${living.length} ${what}\n`)
  isLogging = false
  if (CRASH_WHEN && new RegExp(CRASH_WHEN).test(what)) matching += 1
  if (count === Number(CRASH_AT) || matching === Number(CRASH_NTH)) crash()
}

function crash() {
  if (CRASH_MODE === 'tree') {
    for (let left = descendants(process.pid); left.length > 0; left = descendants(process.pid))
      for (const pid of left) kill(pid)
  }
  process.kill(process.pid, 'SIGKILL')
  // The signal is delivered before the next instruction of this program, whatever it is.
  for (;;);
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}

/** Living processes below this one, sessions of their own included; the dead that nobody has waited for do not count. */
function descendants(root) {
  const parents = new Map()
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name)) {
      const stat = statOf(name)
      if (stat && !'ZX'.includes(stat.state)) parents.set(Number(name), stat.parent)
    }
  }
  const below = (pid) => {
    for (let at = parents.get(pid); at !== undefined; at = parents.get(at))
      if (at === root) return true
    return false
  }
  return [...parents.keys()].filter(below)
}

function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}

const spawn = childProcess.spawn
childProcess.spawn = function (command, ...rest) {
  const child = spawn.call(this, command, ...rest)
  const name = `${command} ${Array.isArray(rest[0]) ? rest[0].join(' ') : ''}`.trim()
  if (name.endsWith('remora-tools')) return watchToolShell(child)
  child.prependOnceListener('exit', () => point(`ended ${name}`))
  point(`started ${name}`)
  return child
}

/** The shell that starts tools for the server: a tool begins with a line to it, and ends with a line from it. */
function watchToolShell(child) {
  toolShells.add(child.pid)
  const tools = new Map()
  const write = child.stdin.write
  child.stdin.write = function (line, ...rest) {
    const written = write.call(this, line, ...rest)
    const [, id, words] = /echo ended (\d+) .*?&&exec (.*?) <\/dev\/null/s.exec(line) ?? []
    if (id !== undefined) {
      tools.set(id, words)
      point(`started ${words}`)
    }
    return written
  }
  child.stdout.prependListener('data', (text) => {
    for (const [, id] of String(text).matchAll(/^ended (\d+) /gm)) point(`ended ${tools.get(id)}`)
  })
  return child
}

for (const name of ['fsync', 'fdatasync']) {
  const original = fs[name]
  fs[name] = (fd, callback) =>
    original(fd, (error) => {
      point(`${name} ${pathOf(fd)}`)
      callback(error)
    })
  const originalSync = fs[`${name}Sync`]
  fs[`${name}Sync`] = (fd) => {
    originalSync(fd)
    point(`${name} ${pathOf(fd)}`)
  }
}

function pathOf(fd) {
  return readlinkSync(`/proc/self/fd/${fd}`)
}

const handle = await fs.promises.open('/dev/null')
const fileHandle = Object.getPrototypeOf(handle)
await handle.close()
for (const name of ['sync', 'datasync']) {
  const original = fileHandle[name]
  fileHandle[name] = async function () {
    await original.call(this)
    point(`f${name} ${pathOf(this.fd)}`)
  }
}

/** What changes names or lengths, as Node's modules call it. */
const CHANGES = [
  'link',
  'mkdir',
  'open',
  'rename',
  'rm',
  'symlink',
  'truncate',
  'unlink',
  'writeFile',
]

if (CRASH_FILES)
  for (const name of CHANGES) {
    watchChange(fs.promises, name)
    watchChange(fs, `${name}Sync`)
  }

function watchChange(module, name) {
  const original = module[name]
  module[name] = (...args) => {
    const result = original.apply(module, args)
    const isLook = name.startsWith('open') && !/[wax]/.test(String(args[1] ?? 'r'))
    const paths = args.filter((arg) => String(arg).startsWith('/'))
    if (!isLook) whenDone(result, () => point(`${name} ${paths.join(' ')}`))
    return result
  }
}

/** Before whoever asked for it learns of it. */
function whenDone(result, work) {
  if (result instanceof Promise) result.then(work, () => {})
  else work()
}

const end = http.ServerResponse.prototype.end
http.ServerResponse.prototype.end = function (...args) {
  point(`reply ${this.req.url}`)
  this.prependOnceListener('finish', () => point(`replied ${this.req.url}`))
  return end.apply(this, args)
}

/** Requests of EC2's query protocol name their action in the body. */
const endRequest = http.ClientRequest.prototype.end
http.ClientRequest.prototype.end = function (...args) {
  const [, action] = /(?:^|&)Action=(\w+)/.exec(String(args[0] ?? '')) ?? []
  if (action !== undefined) {
    point(`asks EC2 ${action}`)
    this.prependOnceListener('response', () => point(`answered by EC2 ${action}`))
  }
  return endRequest.apply(this, args)
}

syncBuiltinESMExports()

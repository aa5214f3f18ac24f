import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { poll } from '../../../src/libstorage/wait.ts'

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const SOURCES = '/etc/apt/sources.list.d'
/** How long the packages may take to come, in milliseconds. */
const BUILD_MS = 180_000
/** Benchmarks start it too, without the test runner. */
const PATIENCE = { intervalMs: 50, timeoutMs: 30_000 }

/**
 * Lays a tree out from the packages that the machine's own source of Debian has, for nothing but this server: 46 MB to get.
 * Debian keeps it in its unstable release alone.
 */
const BUILD = `
set -e
A=$TREE/apt; R=$TREE/root
mkdir -p $A/lists/partial $A/cache/archives/partial $A/state $A/none $R; : > $A/status
echo "deb [signed-by=$KEYRING] $MIRROR sid main contrib" > $A/sources.list
apt_() { c=$1; shift; apt-$c -o Dir::State=$A/state -o Dir::State::lists=$A/lists -o Dir::State::status=$A/status \\
  -o Dir::Cache=$A/cache -o Dir::Etc::sourcelist=$A/sources.list -o Dir::Etc::sourceparts=$A/none \\
  -o Dir::Etc::preferences=$A/none/p -o Dir::Etc::preferencesparts=$A/none -o Acquire::Check-Valid-Until=false \\
  -o Acquire::Languages=none -o APT::Install-Recommends=false -o APT::Sandbox::User=root -o Debug::NoLocking=1 \\
  -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$@"; }
apt_ get update -qq
libs=$(apt_ cache show virtualbox | sed -n 's/^Depends: //p' | head -1 | tr ',' '\\n' | sed 's/^ *//; s/[ (:].*//' \\
  | grep '^lib' | grep -v -E '^lib(gl1|sdl|x11|xt|vncserver|tpms|jpeg)')
apt_ get install -y -qq --download-only $libs > $TREE/install.out
(cd $A/cache/archives && apt_ get download -qq virtualbox)
mkdir -p $R/usr/bin $R/usr/lib $R/usr/lib64 $R/usr/sbin
for l in bin lib lib64 sbin; do ln -sfn usr/$l $R/$l; done
for d in $A/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$d" | tar -C $R -xk --keep-directory-symlink --exclude=./usr/share -f -
done
rm -rf $A
mkdir -p $R/proc $R/dev $R/tmp $R/root/vboxhome $R/etc; chmod 1777 $R/tmp
printf 'root:x:0:0:root:/root:/bin/sh\\n' > $R/etc/passwd; printf 'root:x:0:\\n' > $R/etc/group
printf '127.0.0.1 localhost\\n' > $R/etc/hosts
`

/** In a mount namespace of its own, so that nothing stays mounted. */
const START = `
mount --bind /proc $ROOT/proc && mount --bind /dev $ROOT/dev || exit
exec /usr/bin/env -i LANG=C.UTF-8 PATH=/usr/bin:/bin HOME=/root USER=root LOGNAME=root VBOX_USER_HOME=/root/vboxhome \\
  /usr/sbin/chroot $ROOT /usr/lib/virtualbox/vboxwebsrv -H 127.0.0.1 -p $PORT -A null -t $EXPIRY -i 1
`

/** The web service of VirtualBox itself, in a tree of its own, on the loopback interface. Its machines cannot be started. */
export class RealService {
  readonly endpoint: string
  readonly #tree: string
  readonly #port: number
  readonly #processes: ChildProcess[] = []

  private constructor(tree: string, port: number) {
    this.#tree = tree
    this.#port = port
    this.endpoint = endpointAt(port)
  }

  /** Resolves with why it cannot be had on this machine, where that is so. */
  static async start(): Promise<RealService | string> {
    const obstacle = obstacleHere()
    if (obstacle !== undefined) return obstacle
    const tree = mkdtempSync(path.join(tmpdir(), 'remora-vboxwebsrv-'))
    try {
      const env = { ...process.env, TREE: tree, KEYRING, MIRROR: mirror() }
      execFileSync('sh', ['-c', BUILD], { env, timeout: BUILD_MS, stdio: 'pipe' })
    } catch (error) {
      rmSync(tree, { recursive: true, force: true })
      return `its packages cannot be had: ${lastLine(error)}`
    }
    const service = new RealService(tree, await freePort())
    try {
      await service.#serve(service.#port)
      return service
    } catch (error) {
      await service.stop()
      throw error
    }
  }

  /** Begins a second web service beside this one, whose web sessions end after so many idle seconds; resolves with its address. */
  async beside(expirySeconds: number): Promise<string> {
    const port = await freePort()
    await this.#serve(port, expirySeconds)
    return endpointAt(port)
  }

  /**
   * Everything dies, as with the host's power, and begins anew; VBoxSVC before the others, whose end it would otherwise note in
   * files that it has no time to finish.
   */
  async crash(): Promise<void> {
    await this.#killed()
    // After a crash the service itself hangs at its start now and then.
    await this.#serve(this.#port).catch(async () => {
      await this.#killed()
      await this.#serve(this.#port)
    })
  }

  async #killed(): Promise<void> {
    for (const pid of this.#pids().toReversed()) end(pid, 'SIGKILL')
    await this.#ended()
  }

  async stop(): Promise<void> {
    for (const one of this.#processes) one.kill('SIGTERM')
    await this.#ended()
    rmSync(this.#tree, { recursive: true, force: true })
  }

  async #serve(port: number, expirySeconds = 300): Promise<void> {
    const env = { ROOT: path.join(this.#tree, 'root'), EXPIRY: String(expirySeconds) }
    const started = spawn('unshare', ['-m', 'sh', '-c', START], {
      env: { PATH: process.env['PATH'], PORT: String(port), ...env },
      stdio: 'ignore',
    })
    this.#processes.push(started)
    if (!(await poll(() => answers(endpointAt(port)), PATIENCE)))
      throw new Error('vboxwebsrv does not answer')
  }

  /** The web services first, so that none of them finds itself without VBoxSVC. */
  async #ended(): Promise<void> {
    const isRunning = (one: ChildProcess) => one.exitCode === null && one.signalCode === null
    const running = this.#processes.splice(0).filter(isRunning)
    await Promise.all(running.map((one) => once(one, 'exit')))
    for (const pid of this.#pids()) end(pid, 'SIGTERM')
    const areGone = async () => (this.#pids().length === 0 ? true : undefined)
    if (!(await poll(areGone, PATIENCE))) throw new Error('VBoxSVC runs on')
  }

  /** The processes that live in the tree. */
  #pids(): readonly number[] {
    const root = path.join(this.#tree, 'root')
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          return readlinkSync(`/proc/${pid}/root`) === root
        } catch {
          return false
        }
      })
  }
}

/** That a bare GET is refused is answer enough. */
async function answers(endpoint: string): Promise<true | undefined> {
  return await fetch(endpoint).then(
    () => true,
    () => undefined,
  )
}

function endpointAt(port: number): string {
  return `http://127.0.0.1:${port}`
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has gone by itself.
  }
}

function obstacleHere(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  if (process.arch !== 'x64') return 'is there for amd64 alone'
  if (!existsSync(KEYRING)) return 'needs the keys of Debian'
  return mirror() === undefined ? 'no source of Debian is configured here' : undefined
}

/** The address that the machine's own configuration names for Debian. */
function mirror(): string | undefined {
  const files = [
    '/etc/apt/sources.list',
    ...readdirSync(SOURCES)
      .filter((name) => /\.(?:list|sources)$/.test(name))
      .map((name) => path.join(SOURCES, name)),
  ]
  const texts = files.map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : ''))
  return texts.join('\n').match(/^(?!#).*?(https?:\/\/\S+\/debian)\/?(?=\s|$)/m)?.[1]
}

function lastLine(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  // A host's name in it helps nobody.
  const line = said.split('\n').at(-1) ?? ''
  return (line === '' ? String(error) : line).replace(/https?:\/\/\S+/g, 'its source')
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

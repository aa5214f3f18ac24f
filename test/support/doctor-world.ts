import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { type CheckResult, examine } from '../../src/doctor/examine.ts'
import { NotFoundError } from '../../src/libstorage/errors.ts'
import { readBootId } from '../../src/libstorage/process-identity.ts'
import { run } from '../../src/libstorage/run.ts'
import type { Provider, StorageDriver } from '../../src/libstorage/storage-driver.ts'
import type { Snapshot, Volume } from '../../src/libstorage/types.ts'
import type { LedgerRecord } from '../../src/mount/ledger-record.ts'
import { type CheckInput, openChecks } from '../../src/open-checks.ts'
import type { ProviderDefinition } from '../../src/providers/definition.ts'
import { loopDefinition } from '../../src/providers/loop/config.ts'
import { vfsDefinition } from '../../src/providers/vfs/config.ts'
import { HERE } from './a-volume.ts'

const PATH = process.env['PATH'] ?? ''

/** No server runs, and an engine of the machine below knows nothing of this one. */
export const USUAL =
  /^warn machine\.(?:sockets: .*: no server runs$|engine: dockerd .* does not find unix:)/

/** A machine on which one thing is wrong, and the line that names it. */
export interface Broken {
  readonly what: string
  readonly breakIt: () => unknown
  readonly line: RegExp
}

/** A machine with what the doctor looks at: a home, files, sockets, devices, and a platform in memory besides. */
export class DoctorWorld {
  readonly home: string
  /** What the platform of the driver `cloud` shows. */
  readonly volumes: Volume[] = []
  readonly snapshots: Snapshot[] = []
  /** What the platform says when it is asked for its volumes. */
  answer: () => Promise<readonly Volume[]> = async () => this.volumes
  instances: StorageDriver['instances']
  unavailable: string | undefined
  /** The device of an attachment to this machine. */
  device: string | undefined = '/dev/null'
  zone: string | undefined
  /** Every call that changes something. */
  readonly changes: string[] = []
  readonly #undo: (() => unknown)[] = []

  /** `called` is how the name of its home begins. */
  constructor(called = 'doctor-') {
    this.home = mkdtempSync(path.join(tmpdir(), called))
  }

  get mountFolder(): string {
    return path.join(this.home, 'var/lib/volumes')
  }

  get socket(): string {
    return path.join(this.home, 'run/docker/plugins/rexray.sock')
  }

  async end(): Promise<void> {
    process.env['PATH'] = PATH
    for (const step of this.#undo.splice(0).reverse()) await step()
    rmSync(this.home, { recursive: true, force: true })
  }

  later(step: () => unknown): void {
    this.#undo.push(step)
  }

  write(file: string, text: string): string {
    const whole = path.join(this.home, file)
    mkdirSync(path.dirname(whole), { recursive: true })
    writeFileSync(whole, text)
    return whole
  }

  configure(yaml: string): void {
    this.write('etc/config.yml', yaml)
  }

  /** Serves volumes of the platform in memory. */
  useCloud(): void {
    this.configure('libstorage:\n  service: cloud\n')
  }

  /** A record of the ledger about a volume. */
  record(name: string, facts: Partial<LedgerRecord> = {}, service = 'cloud'): void {
    const id = `vol-${name}`
    const volume = { id, name, sizeGiB: 1, managed: true, labels: {} }
    const record = { version: 1, service, volume, bootId: readBootId(), references: [], ...facts }
    this.write(`var/lib/ledger/${service}/${id}.json`, JSON.stringify(record))
  }

  /** Runs a tool that has to succeed, and says what it says. */
  async sh(script: string): Promise<string> {
    const { exitCode, stdout, stderr } = await run('sh', ['-ec', script], { timeoutMs: 30_000 })
    if (exitCode !== 0) throw new Error(`${script}: ${stderr}`)
    return stdout.trim()
  }

  /** Mounts a file system in memory at a folder of the home. */
  async mountMemory(folder: string, options: string): Promise<void> {
    const place = path.join(this.home, folder)
    mkdirSync(place, { recursive: true })
    await this.sh(`mount -t tmpfs -o ${options} tmpfs '${place}'`)
    this.later(() => this.sh(`umount -l '${place}'`))
  }

  /** A loop device with an ext4 that is mounted among our volumes; resolves with the device. */
  async mountDisk(name: string, { prepare = 'true', options = 'rw' } = {}): Promise<string> {
    const image = path.join(this.home, `${name}.img`)
    const place = path.join(this.mountFolder, name)
    await this.sh(`truncate -s 32M ${image} && mkfs.ext4 -q -m 0 ${image} && mkdir -p ${place}`)
    await this.sh(prepare.replaceAll('$IMAGE', image))
    const device = await this.sh(`losetup --find --show ${image}`)
    this.later(() => this.sh(`losetup -d ${device}`))
    await this.sh(`mount -o ${options} ${device} ${place}`)
    this.later(() => this.sh(`umount -l ${place}`))
    return device
  }

  /** Leaves all tools but these, or scripts in their place. */
  withTools(change: {
    readonly without?: readonly string[]
    readonly scripts?: Record<string, string>
  }): void {
    const bin = path.join(this.home, 'bin')
    mkdirSync(bin)
    const { without = [], scripts = {} } = change
    const names = ['sh', 'cat', 'stat', 'dirname', 'realpath', 'tail', 'losetup', 'mount', 'umount']
    const all = [
      ...names,
      ...['blkid', 'flock', 'fsfreeze', 'setsid', 'cmp', 'dd', 'mkfs.ext4', 'e2fsck', 'resize2fs'],
      ...['mkfs.xfs', 'xfs_growfs', 'mkfs.btrfs', 'btrfs'],
    ]
    for (const name of all) {
      if (without.includes(name) || name in scripts) continue
      const folder = PATH.split(':').find((one) => existsSync(path.join(one, name)))
      if (folder !== undefined) symlinkSync(path.join(folder, name), path.join(bin, name))
    }
    for (const [name, text] of Object.entries(scripts)) {
      writeFileSync(path.join(bin, name), `#!/bin/sh\n${text}\n`)
      chmodSync(path.join(bin, name), 0o755)
    }
    process.env['PATH'] = bin
  }

  /** Somebody who listens where our server would. */
  async listen(answer: string | undefined): Promise<Server> {
    mkdirSync(path.dirname(this.socket), { recursive: true })
    const server = createServer((_request, reply) => {
      if (answer !== undefined) reply.end(answer)
    })
    await new Promise<void>((resolve) => void server.listen(this.socket, resolve))
    this.later(() => {
      server.closeAllConnections()
      server.close()
    })
    return server
  }

  /** A process that lives as long as the world. */
  start(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    this.later(
      () =>
        new Promise((resolve) => {
          child.once('exit', resolve)
          if (!child.kill('SIGKILL')) resolve(undefined)
        }),
    )
    return child
  }

  input(more: Partial<CheckInput> = {}): CheckInput {
    return {
      flags: {},
      env: { REXRAY_HOME: this.home },
      uid: 0,
      homeDirectory: this.home,
      environmentFile: '/nonexistent',
      habitat: { kind: 'machine' },
      drivers: [loopDefinition, vfsDefinition, this.#cloud()],
      ...more,
    }
  }

  async results(more: Partial<CheckInput> = {}): Promise<readonly CheckResult[]> {
    return await examine(await openChecks(this.input(more)))
  }

  /** Each finding as a line. */
  async lines(more: Partial<CheckInput> = {}): Promise<readonly string[]> {
    return (await this.results(more)).flatMap(({ id, findings }) =>
      findings.map(({ verdict, seen }) => `${verdict} ${id}: ${seen}`),
    )
  }

  /** The first line that somebody reads who looks for what is wrong, but for what is no wonder here. */
  async firstWrong(more: Partial<CheckInput> = {}): Promise<string | undefined> {
    const isUsual = (line: string) => USUAL.test(line)
    const lines = (await this.lines(more)).filter((line) => !isUsual(line))
    return (
      lines.find((line) => line.startsWith('fail ')) ??
      lines.find((line) => line.startsWith('warn '))
    )
  }

  #cloud(): ProviderDefinition {
    return {
      name: 'cloud',
      aliases: [],
      settings: z.object({}),
      unavailable: async () => this.unavailable,
      create: async () => this.#provider(),
    }
  }

  #provider(): Provider {
    const refuse = (call: string) => async (): Promise<never> => {
      this.changes.push(call)
      throw new Error(`the doctor does not ${call}`)
    }
    const { instances } = this
    const driver: StorageDriver = {
      name: 'cloud',
      volumes: () => this.answer(),
      volume: async (id) => {
        const found = this.volumes.find((volume) => volume.id === id)
        if (found === undefined) throw new NotFoundError(`volume ${id}`)
        return found
      },
      createVolume: refuse('create'),
      removeVolume: refuse('remove'),
      attachVolume: refuse('attach'),
      detachVolume: refuse('detach'),
      snapshots: {
        list: async () => this.snapshots,
        create: refuse('snapshot'),
        remove: refuse('remove a snapshot'),
      },
      ...(instances !== undefined && { instances }),
    }
    const { zone } = this
    const here = { id: HERE, ...(zone !== undefined && { zone }) }
    return {
      driver,
      executor: { instance: async () => here, device: async () => this.device },
      storage: 'block',
      scope: 'global',
      consistency: 'eventual',
      wishes: new Set(),
      looksLikeId: (text) => text.startsWith('vol-'),
    }
  }
}

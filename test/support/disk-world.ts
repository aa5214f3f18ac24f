import { execFile, execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** Whether this process may make loop devices and mounts here. */
export const canMount = process.getuid?.() === 0 && existsSync('/dev/loop-control')

/** Whether all these tools are installed. */
export function has(...tools: readonly string[]): boolean {
  return tools.every((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0)
}

/** Runs a tool and resolves with what it said; rejects when it fails. */
export async function tool(command: string, ...args: readonly string[]): Promise<string> {
  return (await execute(command, args)).stdout.trim()
}

/** A folder with real disks, file systems and mounts in it, all of which are gone after `end`. */
export class DiskWorld {
  readonly root = realpathSync(mkdtempSync(path.join(tmpdir(), 'remora-disks-')))
  readonly #ends: (() => Promise<unknown>)[] = []
  #made = 0

  path(...parts: readonly string[]): string {
    return path.join(this.root, ...parts)
  }

  folder(...parts: readonly string[]): string {
    const made = this.path(...parts)
    mkdirSync(made, { recursive: true })
    return made
  }

  /** A sparse file of so many MiB. */
  image(sizeMiB: number): string {
    this.#made += 1
    const file = this.path(`disk-${this.#made}.img`)
    execFileSync('truncate', ['-s', `${sizeMiB}M`, file])
    return file
  }

  /** A loop device on an image, on a new one of so many MiB, or on one that was prepared. */
  async disk(image: string | number): Promise<string> {
    const file = typeof image === 'number' ? this.image(image) : image
    const device = await tool('losetup', '--find', '--show', '--', file)
    this.atEnd(() => detach(device, file))
    return device
  }

  /** A device with a file system, made by its own tool. */
  async formatted(fsType: string, sizeMiB: number, ...args: readonly string[]): Promise<string> {
    const device = await this.disk(sizeMiB)
    await tool(`mkfs.${fsType}`, '-q', ...args, device)
    return device
  }

  /** Mounts at a new folder in the world and resolves with its path. */
  async mount(device: string, name: string, ...args: readonly string[]): Promise<string> {
    const folder = this.folder(name)
    await tool('mount', ...args, device, folder)
    return folder
  }

  /** What has to be undone for a test, last first, before the disks go. */
  atEnd(undo: () => Promise<unknown>): void {
    this.#ends.push(undo)
  }

  /** Empties the file beneath a device: the device stays, every read that no cache answers fails. */
  kill(image: string): void {
    truncateSync(image, 0)
  }

  /** Takes the disk away as a forced detach does: in one step, while whoever holds the device goes on holding it. */
  pull(device: string): Promise<string> {
    return tool('perl', '-e', PULL, device)
  }

  async end(): Promise<void> {
    this.#unmountAll()
    for (const undo of this.#ends.splice(0).reverse()) await undo()
    this.#unmountAll()
    spawnSync('chattr', ['-R', '-i', this.root], { stdio: 'ignore' })
    rmSync(this.root, { recursive: true, force: true })
  }

  #unmountAll(): void {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    const ours = lines
      .map((line) => line.split(' ')[4] ?? '')
      .filter((at) => at.startsWith(`${this.root}/`))
    for (const at of ours.reverse()) spawnSync('umount', ['-l', unescaped(at)], { stdio: 'ignore' })
  }
}

/**
 * LOOP_GET_STATUS64, a limit of one byte, LOOP_SET_STATUS64 (linux/loop.h): the capacity becomes 0. What was under way
 * gets in after the first stroke, and is waited for by the next ones.
 */
const PULL = `open my $device, '+<', $ARGV[0] or die; my $info = "\\0" x 232;
ioctl($device, 0x4C05, $info) or die; substr($info, 32, 8) = pack('Q', 1);
for (1 .. 5) { ioctl($device, 0x4C04, $info) or die; select(undef, undef, undef, 0.03); }`

/** A device that is not ours any more is left alone. */
async function detach(device: string, file: string): Promise<void> {
  const backing = `/sys/class/block/${path.basename(device)}/loop/backing_file`
  if (existsSync(backing) && readFileSync(backing, 'utf8').startsWith(file))
    await tool('losetup', '-d', device)
}

function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}

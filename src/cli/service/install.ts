import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { FailedPreconditionError, systemCode } from '../../libstorage/errors.ts'
import type { CommandContext } from '../context.ts'
import { findServer } from './running-server.ts'
import { stopServer } from './stop.ts'
import { Systemd } from './systemd.ts'
import { titleOf } from './title.ts'
import { systemdUnit, UNIT_TITLE } from './unit.ts'
import { writeWhole } from './write-whole.ts'

/** Where it is installed. */
export interface InstallOptions {
  /** The root of the file system that is meant: this machine's, or that of an image. */
  readonly root: string
}

/** Writes the unit of systemd and enables it. One that is not ours is put aside. */
export async function install(context: CommandContext, { root }: InstallOptions): Promise<number> {
  const { host, stdout, programName } = context
  const systemd = await systemdAt(context, root)
  if (root === '/' && !systemd.isBooted) throw noSystemd(context)
  const unit = `${programName}.service`
  const path = systemd.pathOf(unit)
  const { etc, lib } = await host.directories()
  const text = systemdUnit({
    command: host.command,
    environmentFile: join(etc, 'rexray.env'),
    stateFolder: lib,
    home: host.home,
  })
  const aside = putAside(path)
  if (aside !== undefined) stdout.write(`${path} was another's and is now ${aside}\n`)
  writeAsUser(path, text)
  if (systemd.isBooted) await systemd.control('daemon-reload')
  await systemd.control('enable', unit)
  stdout.write(
    `${titleOf(context)} is now installed as ${path}.\n` +
      `Once configured it can be started with the command 'systemctl start ${unit}'.\n`,
  )
  return 0
}

/** Stops the server, and takes its unit away. Volumes, configuration and the program stay. */
export async function uninstall(
  context: CommandContext,
  { root }: InstallOptions,
): Promise<number> {
  const { stdout, programName } = context
  const systemd = await systemdAt(context, root)
  const unit = `${programName}.service`
  const path = systemd.pathOf(unit)
  const server = root === '/' ? await findServer(context) : undefined
  if (server !== undefined) await stopServer(context, server)
  if (isOurs(path)) {
    await systemd.control('disable', unit)
    rmSync(path)
    if (systemd.isBooted) await systemd.control('daemon-reload')
    stdout.write(`${path} is gone; volumes and configuration stay.\n`)
  } else stdout.write(`${titleOf(context)} is not installed as ${path}.\n`)
  return 0
}

async function systemdAt({ host }: CommandContext, root: string): Promise<Systemd> {
  const place = root === '/' ? await host.systemd() : { root, isBooted: false }
  return new Systemd(place, host.run)
}

function putAside(path: string): string | undefined {
  if (!existsSync(path) || isOurs(path)) return undefined
  const aside = `${path}.before-remora`
  renameSync(path, aside)
  return aside
}

function isOurs(path: string): boolean {
  return existsSync(path) && readFileSync(path, 'utf8').split('\n').includes(UNIT_TITLE)
}

function writeAsUser(path: string, text: string): void {
  try {
    writeWhole(path, text)
  } catch (cause) {
    if (systemCode(cause) === undefined) throw cause
    throw new FailedPreconditionError({
      subject: `unit ${path}`,
      problem: `cannot be written (${systemCode(cause)})`,
      remedy: 'run this as root',
      cause,
    })
  }
}

function noSystemd({ invocation }: CommandContext): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: 'systemd',
    problem: 'does not run this machine',
    remedy: `start the server by ${invocation} service start, or install into an image with --root`,
  })
}

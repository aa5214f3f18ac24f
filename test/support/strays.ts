import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ownerOfLeftover } from '../../src/libstorage/leftover.ts'
import { isProvablyDead } from '../../src/libstorage/process-identity.ts'
import { run } from '../../src/libstorage/run.ts'
import type { VolumeView } from '../../src/mount/integration-driver.ts'

/**
 * What belongs to none of the volumes of a machine whose files all lie in one folder: devices, mounts, mount points, records,
 * and what dead processes left; each as a short line. Empty is right.
 */
export async function strays(home: string, views: readonly VolumeView[]): Promise<string[]> {
  const attached = views.filter(({ volume }) => volume.attachments.length > 0)
  const mounted = views.filter(({ mountpoint }) => mountpoint !== undefined)
  const records = entries(path.join(home, 'ledger/loop')).filter(
    (name) => !saysUse(path.join(home, 'ledger/loop', name)),
  )
  const [devices, mounts] = [await devicesOf(home), mountsOf(home)]
  return [
    ...(devices.length === attached.length ? [] : devices),
    ...(mounts.length === mounted.length ? [] : mounts),
    ...records.map((name) => `record ${name}`),
    ...entries(path.join(home, 'volumes'))
      .filter((name) => !mounted.some(({ volume }) => volume.name === name))
      .map((name) => `mount point ${name}`),
    ...readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((name) =>
      isOfTheDead(path.join(home, name)),
    ),
  ]
}

/** The loop devices of files in a folder. */
export async function devicesOf(home: string): Promise<string[]> {
  const listed = await tool('losetup', '--list', '--raw', '--noheadings', '-O', 'NAME,BACK-FILE')
  const lines = listed.split('\n').filter((line) => line.includes(`${home}/`))
  return lines.map((line) => line.split(' ')[0] ?? '')
}

/** What is mounted in a folder, the last first. */
export function mountsOf(home: string): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  const points = lines.map((line) => line.split(' ')[4] ?? '')
  return points.filter((point) => point.startsWith(`${home}/`)).toReversed()
}

/** Runs a tool and answers what it printed; rejects when it fails. */
export async function tool(command: string, ...args: string[]): Promise<string> {
  const result = await run(command, args, { timeoutMs: 30_000 })
  if (result.exitCode !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`)
  return result.stdout
}

/** Whether a record says that its volume is mounted, or must be checked before it is. */
function saysUse(file: string): boolean {
  if (!file.endsWith('.json')) return false
  const { mount, growing } = JSON.parse(readFileSync(file, 'utf8'))
  return (mount ?? growing) !== undefined
}

function isOfTheDead(entry: string): boolean {
  const owner = ownerOfLeftover(path.basename(entry)) ?? ownerOfLock(entry)
  return owner !== undefined && isProvablyDead(owner)
}

function ownerOfLock(lock: string) {
  const file = path.join(lock, 'owner.json')
  if (!lock.endsWith('.lock') || !existsSync(file)) return undefined
  return JSON.parse(readFileSync(file, 'utf8')).process
}

/** What is in a folder; nothing where there is none. */
export function entries(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

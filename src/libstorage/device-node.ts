import { statSync } from 'node:fs'
import path from 'node:path'
import type { Run } from './run.ts'

const LIMIT = { timeoutMs: 5_000 }

/** A block device as sysfs shows it, and where nodes are. */
export interface WantedNode {
  /** As the kernel calls it: `sdb`. */
  readonly name: string
  /** `major:minor`. */
  readonly number: string
  readonly dev: string
  /** A folder of our own for nodes that are missing under `dev`. */
  readonly ownNodes: string
  /** Nothing is made: what is missing stays so. */
  readonly looksOnly?: boolean | undefined
}

/** The node of a device, checked to be that device's; made where the namespace we live in has none. Undefined where it cannot be had. */
export async function deviceNode(
  { name, number, dev, ownNodes, looksOnly = false }: WantedNode,
  run: Run,
): Promise<string | undefined> {
  const node = path.join(ownNodes, name)
  const found = [path.join(dev, name), node].find((known) => numberOf(known) === number)
  if (found !== undefined || looksOnly) return found
  const [major = '', minor = ''] = number.split(':')
  await run('mkdir', ['-p', '-m', '0700', ownNodes], LIMIT)
  await run('rm', ['-f', node], LIMIT)
  await run('mknod', ['-m', '0600', node, 'b', major, minor], LIMIT)
  return numberOf(node) === number ? node : undefined
}

/** `major:minor` of a device node, or undefined where there is none. */
function numberOf(node: string): string | undefined {
  try {
    const { rdev } = statSync(node)
    // The kernel's own packing of a device number (glibc, gnu_dev_major and gnu_dev_minor).
    const major = (rdev >> 8) & 0xfff
    const minor = (rdev & 0xff) | ((rdev >> 12) & 0xfff00)
    return `${major}:${minor}`
  } catch {
    return undefined
  }
}

import { readFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Check, Finding } from '../../libstorage/check.ts'
import { NEW_FILE_SYSTEMS } from '../../libstorage/file-system.ts'

/** Where the kernel says what it can do. */
export interface KernelPlaces {
  /** `/proc/filesystems` */
  readonly fileSystems: string
  /** `/lib/modules/<release>` */
  readonly modules: string
}

/** Those of the kernel that runs. */
export const KERNEL_PLACES: KernelPlaces = {
  fileSystems: '/proc/filesystems',
  modules: path.join('/lib/modules', os.release()),
}

/** File systems of volumes that the kernel has or can load; those that are made by default must be among them. */
export function kernelCheck(
  wanted: ReadonlySet<string>,
  places: KernelPlaces = KERNEL_PLACES,
): Check {
  return {
    id: 'machine.kernel',
    title: 'file systems of the kernel',
    run: async () => {
      const present = await knownFileSystems(places)
      const missing = NEW_FILE_SYSTEMS.filter((one) => !present.has(one))
      const needed = missing.filter((one) => wanted.has(one))
      if (needed.length > 0) return needed.map(missingFinding)
      const has = NEW_FILE_SYSTEMS.filter((one) => present.has(one)).join(', ') || 'none'
      const lacks = missing.length === 0 ? '' : `, without ${missing.join(', ')}`
      return [{ verdict: 'pass', seen: `the kernel has ${has}${lacks}` }]
    },
  }
}

function missingFinding(fsType: string): Finding {
  return {
    verdict: 'fail',
    seen: `the kernel has no ${fsType}, the file system of new volumes here`,
    remedy: `modprobe ${fsType}\nor set volume.fsType to another`,
  }
}

async function knownFileSystems({ fileSystems, modules }: KernelPlaces): Promise<Set<string>> {
  const loaded = (await readIfThere(fileSystems)).split('\n').map((line) => line.split('\t').at(-1))
  const lists = ['modules.dep', 'modules.builtin'].map((file) => path.join(modules, file))
  const loadable = (await Promise.all(lists.map(readIfThere)))
    .flatMap((text) => [...text.matchAll(/([^/\s]+)\.ko(?:\.\w+)?(?=[:\n])/g)])
    .map((match) => match[1])
  return new Set([...loaded, ...loadable].filter((name) => name !== undefined))
}

async function readIfThere(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => '')
}

import { readdir } from 'node:fs/promises'
import type { Check, Finding } from '../../libstorage/check.ts'
import { isStorageError, TimeoutError } from '../../libstorage/errors.ts'
import type { Run } from '../../libstorage/run.ts'
import { PoolMark } from './pool-mark.ts'
import type { PoolPlace } from './settings.ts'

const LOOK_MS = 3_000
const MIB = 1_048_576
const GIB = 1_073_741_824
const LEAST_BYTES = 64 * MIB
const FEW_BYTES = GIB

/** Free bytes, and whether the folder can be written. Asked in a child: a pool may hang. */
const LOOK = `if [ ! -d "$1" ]; then echo none; exit 0; fi
stat -f -c '%S %a' -- "$1" || exit 1
if [ -w "$1" ]; then echo yes; else echo no; fi`

/** The pool in which a driver keeps its volumes: that it is there, answers, can be written and has room. */
export function poolCheck(driver: string, place: PoolPlace, run: Run): Check {
  return {
    id: `${driver}.pool`,
    title: 'the pool of the volumes',
    run: async (signal) => {
      try {
        return [await findingOf(place, run, signal)]
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error
        return [
          fail(
            `pool ${place.path} does not answer: the disk or file server beneath it hangs`,
            `findmnt -T ${place.path}`,
          ),
        ]
      }
    },
  }
}

async function findingOf(place: PoolPlace, run: Run, signal: AbortSignal): Promise<Finding> {
  const { path, isDefault } = place
  const args = ['-c', LOOK, 'sh', path]
  const { stdout, stderr, exitCode } = await run('sh', args, { timeoutMs: LOOK_MS, signal })
  if (exitCode !== 0)
    return fail(`pool ${path} cannot be looked at: ${stderr.trim()}`, `ls -ld ${path}`)
  const [numbers = '', writable] = stdout.trimEnd().split('\n')
  if (numbers === 'none')
    return isDefault
      ? { verdict: 'pass', seen: `pool ${path} is made with the first start` }
      : fail(
          `pool ${path} is not there, or is no folder`,
          `mount what belongs there, or: mkdir ${path}`,
        )
  if (writable !== 'yes')
    return fail(
      `pool ${path} cannot be written by this user`,
      `findmnt -T ${path}\nls -ld ${path}\nrun as root, or as its owner`,
    )
  return (await bare(place)) ?? room(path, numbers)
}

/** A pool that had volumes and now looks like one that never had any. */
async function bare({ path, memory }: PoolPlace): Promise<Finding | undefined> {
  try {
    await new PoolMark(path, memory, { looksOnly: true }).check(await readdir(path))
    return undefined
  } catch (error) {
    if (!isStorageError(error)) throw error
    return fail(error.message, `findmnt ${path}\nmount the disk of the pool there`)
  }
}

function room(path: string, numbers: string): Finding {
  const [blockBytes = 0, blocks = 0] = numbers.split(' ').map(Number)
  const freeBytes = blockBytes * blocks
  const seen = `pool ${path} has ${freeBytes < GIB ? `${Math.floor(freeBytes / MIB)} MiB` : `${(freeBytes / GIB).toFixed(1)} GiB`} free`
  const remedy = 'remora volume ls\nremove volumes or snapshots, or make its file system larger'
  if (freeBytes < LEAST_BYTES) return fail(`${seen}: what volumes write next is lost`, remedy)
  return freeBytes < FEW_BYTES ? { verdict: 'warn', seen, remedy } : { verdict: 'pass', seen }
}

function fail(seen: string, remedy: string): Finding {
  return { verdict: 'fail', seen, remedy }
}

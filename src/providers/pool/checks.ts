import { readdir } from 'node:fs/promises'
import type { Check, Finding } from '../../libstorage/check.ts'
import { isStorageError, TimeoutError } from '../../libstorage/errors.ts'
import type { Run } from '../../libstorage/run.ts'
import { shellWord } from '../../libstorage/shell.ts'
import { PoolMark } from './pool-mark.ts'
import type { PoolPlace } from './settings.ts'

const LOOK_MS = 3_000
const MIB = 1_048_576
const GIB = 1_073_741_824
const LEAST_BYTES = 64 * MIB
const FEW_BYTES = GIB
/** What listing a folder that is not there fails with. */
const ABSENT = Object.assign(new Error('no such folder'), { code: 'ENOENT' })

/** Free bytes, and whether the folder can be written; or what is in its place. Asked in a child: a pool may hang. */
const LOOK = `if [ -d "$1" ]; then :
elif [ -e "$1" ] || [ -L "$1" ]; then echo other; exit 0
elif [ -d "\${1%/*}/" ]; then echo none; exit 0
else echo nowhere; exit 0; fi
stat -f -c '%S %a' -- "$1" || exit 1
if [ -w "$1" ]; then echo yes; elif [ "$(id -u)" = 0 ]; then echo never; else echo no; fi`

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
            `findmnt -T ${shellWord(place.path)}`,
          ),
        ]
      }
    },
  }
}

async function findingOf(place: PoolPlace, run: Run, signal: AbortSignal): Promise<Finding> {
  const { path } = place
  const args = ['-c', LOOK, 'sh', path]
  const { stdout, stderr, exitCode } = await run('sh', args, { timeoutMs: LOOK_MS, signal })
  if (exitCode !== 0)
    return fail(`pool ${path} cannot be looked at: ${stderr.trim()}`, `ls -ld ${shellWord(path)}`)
  const [numbers = '', writable] = stdout.trimEnd().split('\n')
  if (writable === undefined) return await absent(numbers, place)
  if (writable === 'never')
    return fail(
      `pool ${path} cannot be written, not even by root: its file system is read-only, or the folder is immutable`,
      `findmnt -T ${shellWord(path)}\nlsattr -d ${shellWord(path)}`,
    )
  if (writable !== 'yes')
    return fail(
      `pool ${path} cannot be written by this user`,
      `findmnt -T ${shellWord(path)}\nls -ld ${shellWord(path)}\nrun as root, or as its owner`,
    )
  return (await unlike(place, () => readdir(path))) ?? room(path, numbers)
}

/** No folder is there: none yet, or not any more, or something else. */
async function absent(what: string, place: PoolPlace): Promise<Finding> {
  const { path, isDefault } = place
  if (what === 'other')
    return fail(`pool ${path} is no folder`, `ls -ld ${shellWord(path)}\nmove it away`)
  if (what === 'nowhere' && !isDefault)
    return fail(
      `pool ${path} is not there, nor the folder that it shall lie in`,
      `mount what belongs there, or: mkdir -p ${shellWord(path)}`,
    )
  const gone = await unlike(place, (mark) => mark.missing(ABSENT))
  return gone ?? { verdict: 'pass', seen: `pool ${path} is made with the first start` }
}

/** A pool that had volumes and now looks like one that never had any. */
async function unlike(
  { path, memory }: PoolPlace,
  entries: (mark: PoolMark) => Promise<string[]>,
): Promise<Finding | undefined> {
  try {
    const mark = new PoolMark(path, memory, { looksOnly: true })
    await mark.check(await entries(mark))
    return undefined
  } catch (error) {
    if (!isStorageError(error)) throw error
    return fail(
      error.finding,
      `findmnt -T ${shellWord(path)}\n${error.remedy ?? 'mount its disk there'}`,
    )
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

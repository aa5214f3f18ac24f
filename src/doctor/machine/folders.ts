import type { Directories } from '../../config/config.ts'
import type { Check, Finding } from '../../libstorage/check.ts'
import { isStorageError } from '../../libstorage/errors.ts'
import type { Run } from '../../libstorage/run.ts'
import { shellWord } from '../../libstorage/shell.ts'

const LOOK_MS = 3_000
const MIB = 1_048_576
/** Below this the ledger may not find room for its next record. */
const LEAST_BYTES = 16 * MIB
const FEW_BYTES = 256 * MIB
const LEAST_FILES = 100

/** Of the nearest folder that is there: size of blocks, free blocks, files, free files; whether it can be written; its path. */
const LOOK = `p=$1
while [ ! -e "$p" ] && [ ! -L "$p" ] && [ "$p" != / ]; do p=$(dirname -- "$p"); done
if [ ! -d "$p" ]; then echo none; echo no; echo "$p"; exit 0; fi
stat -f -c '%S %a %c %d' -- "$p" || exit 1
if [ -w "$p" ]; then echo yes; else echo no; fi
echo "$p"`

/** A folder of this program. */
interface Folder {
  /** What is in it, in words. */
  readonly what: string
  readonly path: string
}

/** What was seen of one, or why nothing was. */
type Seen =
  | { readonly problem: Finding }
  | {
      readonly numbers: readonly number[]
      readonly writable: boolean
      /** The folder itself, or the nearest one above it that is there. */
      readonly found: string
    }

/** The folders of this program: first that they answer and are such, then that they can be written and have room. */
export function foldersChecks(directories: Directories, run: Run): readonly Check[] {
  const folders: readonly Folder[] = [
    { what: 'state', path: directories.lib },
    { what: 'state of this boot', path: directories.run },
    { what: 'logs', path: directories.log },
  ]
  let looked: Promise<readonly Seen[]> | undefined
  const look = () => {
    looked ??= Promise.all(folders.map((folder) => lookAt(folder, run)))
    return looked
  }
  return [
    {
      id: 'machine.folders',
      title: 'the folders of this program',
      run: async () => {
        const problems = (await look()).flatMap((seen) => ('problem' in seen ? [seen.problem] : []))
        const all = folders.map(({ what, path }) => `${what} in ${path}`).join(', ')
        return problems.length > 0 ? problems : [{ verdict: 'pass', seen: all }]
      },
    },
    {
      id: 'machine.space',
      title: 'room in the folders of this program',
      after: ['machine.folders'],
      run: async () => {
        const seen = await look()
        return folders.flatMap((folder, index) => roomFinding(folder, seen[index]) ?? [])
      },
    },
  ]
}

async function lookAt({ what, path }: Folder, run: Run): Promise<Seen> {
  const named = `the folder for ${what}, ${path},`
  try {
    const args = ['-c', LOOK, 'sh', path]
    const { stdout, stderr, exitCode } = await run('sh', args, { timeoutMs: LOOK_MS })
    const [first = '', writable = '', ...rest] = stdout.trimEnd().split('\n')
    const found = rest.join('\n')
    if (exitCode !== 0)
      return {
        problem: fail(
          `${named} cannot be looked at: ${stderr.trim()}`,
          `ls -ld ${shellWord(path)}`,
        ),
      }
    if (first === 'none')
      return {
        problem: fail(`${named} cannot be: ${found} is no folder`, `ls -ld ${shellWord(found)}`),
      }
    return { numbers: first.split(' ').map(Number), writable: writable === 'yes', found }
  } catch (error) {
    if (!isStorageError(error)) throw error
    const remedy = `findmnt -T ${shellWord(path)}\nmend or unmount that, or set REXRAY_HOME`
    return { problem: fail(`${named} does not answer: the disk beneath it hangs`, remedy) }
  }
}

function roomFinding({ what, path }: Folder, seen: Seen | undefined): Finding | undefined {
  if (seen === undefined || 'problem' in seen) return undefined
  const [blockBytes = 0, blocks = 0, files = 0, freeFiles = 0] = seen.numbers
  const { writable, found } = seen
  const named = `the folder for ${what}, ${path},`
  if (!writable)
    return fail(
      `${named} cannot be written by this user${found === path ? '' : `: ${found} cannot`}`,
      `findmnt -T ${shellWord(found)}\nls -ld ${shellWord(found)}\nrun as root, or set REXRAY_HOME to a folder of your own`,
    )
  const freeBytes = blockBytes * blocks
  const isOutOfFiles = files > 0 && freeFiles < LEAST_FILES
  const free = `${Math.floor(freeBytes / MIB)} MiB free${isOutOfFiles ? ` and room for ${freeFiles} more files` : ''}`
  if (freeBytes < LEAST_BYTES || isOutOfFiles)
    return fail(`${named} is full: ${free}`, `du -xsh ${shellWord(found)}/*\nmake room there`)
  if (freeBytes >= FEW_BYTES) return { verdict: 'pass', seen: `${named} has ${free}` }
  return { verdict: 'warn', seen: `${named} has ${free}`, remedy: `du -xsh ${shellWord(found)}/*` }
}

function fail(seen: string, remedy: string): Finding {
  return { verdict: 'fail', seen, remedy }
}

import type { Check, Finding } from '../../libstorage/check.ts'
import { FailedPreconditionError } from '../../libstorage/errors.ts'
import type { Run } from '../../libstorage/run.ts'

const LOOK_MS = 3_000

/** A program of the operating system that volumes need. */
interface Tool {
  readonly name: string
  /** Debian's package; most others call it the same. */
  readonly package: string
  /** What makes it say its version; where it is absent the tool's presence is all that is looked at. */
  readonly version?: string
  /** The file system that alone needs it. */
  readonly fsType?: string
}

const TOOLS: readonly Tool[] = [
  { name: 'mount', package: 'mount', version: '--version' },
  { name: 'umount', package: 'mount' },
  { name: 'blkid', package: 'util-linux' },
  { name: 'flock', package: 'util-linux' },
  { name: 'fsfreeze', package: 'util-linux' },
  { name: 'setsid', package: 'util-linux' },
  { name: 'cmp', package: 'diffutils' },
  { name: 'dd', package: 'coreutils' },
  { name: 'stat', package: 'coreutils' },
  { name: 'mkfs.ext4', package: 'e2fsprogs', version: '-V', fsType: 'ext4' },
  { name: 'e2fsck', package: 'e2fsprogs', fsType: 'ext4' },
  { name: 'resize2fs', package: 'e2fsprogs', fsType: 'ext4' },
  { name: 'mkfs.xfs', package: 'xfsprogs', version: '-V', fsType: 'xfs' },
  { name: 'xfs_growfs', package: 'xfsprogs', fsType: 'xfs' },
  { name: 'mkfs.btrfs', package: 'btrfs-progs', version: '--version', fsType: 'btrfs' },
  { name: 'btrfs', package: 'btrfs-progs', fsType: 'btrfs' },
]

/** What the tools are needed for on this machine. */
export interface ToolNeeds {
  /** Whether any service has volumes with a file system; directories need none of the tools. */
  readonly blocks: boolean
  /** The file systems of new volumes. */
  readonly fsTypes: ReadonlySet<string>
}

/** Tools of the operating system: what is missing, and the versions of what is there. */
export function toolsCheck({ blocks, fsTypes }: ToolNeeds, run: Run): Check {
  return {
    id: 'machine.tools',
    title: 'tools of the operating system',
    run: async (signal) => {
      const found = await Promise.all(TOOLS.map((tool) => lookAt(tool, run, signal)))
      const missing = TOOLS.filter((_, index) => found[index] === undefined)
      if (!blocks) return [{ verdict: 'pass', seen: 'volumes are directories, which need none' }]
      const problems = byPackage(missing).map((one) => missingFinding(one, fsTypes))
      if (problems.length > 0) return problems
      return [{ verdict: 'pass', seen: found.filter((said) => said !== '').join(', ') }]
    },
  }
}

function missingFinding(
  [name, tools]: readonly [string, readonly Tool[]],
  fsTypes: ReadonlySet<string>,
): Finding {
  const isNeeded = ({ fsType }: Tool) => fsType === undefined || fsTypes.has(fsType)
  const verdict = tools.some(isNeeded) ? 'fail' : 'warn'
  const fsType = tools[0]?.fsType
  const use =
    fsType === undefined
      ? 'volumes with a file system need it'
      : `no ${fsType} volume can be used here`
  return {
    verdict,
    seen: `${tools.map((tool) => tool.name).join(', ')} (package ${name}) not installed: ${use}`,
    remedy: `apt-get install ${name}   # or the package of that name of your system`,
  }
}

/** What it says of its version, '' where it is there and says nothing, undefined where it is not there. */
async function lookAt(
  { name, version }: Tool,
  run: Run,
  signal: AbortSignal,
): Promise<string | undefined> {
  const words =
    version === undefined ? ['sh', '-c', 'command -v "$1"', 'sh', name] : [name, version]
  const [command = '', ...args] = words
  try {
    const result = await run(command, args, { timeoutMs: LOOK_MS, signal })
    if (version === undefined) return result.exitCode === 0 ? '' : undefined
    const number = /\d+(?:\.\d+)+\S*/.exec(`${result.stdout}\n${result.stderr}`)?.[0]
    return `${name} ${number ?? 'of an unknown version'}`.replace(/[,)]$/, '')
  } catch (error) {
    if (error instanceof FailedPreconditionError) return undefined
    throw error
  }
}

function byPackage(tools: readonly Tool[]): readonly (readonly [string, readonly Tool[]])[] {
  const names = [...new Set(tools.map((tool) => tool.package))]
  return names.map((name) => [name, tools.filter((tool) => tool.package === name)])
}

import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Check, Finding } from '../../libstorage/check.ts'
import { systemCode, TimeoutError } from '../../libstorage/errors.ts'
import type { Run } from '../../libstorage/run.ts'
import type { ProviderContext } from '../definition.ts'
import { poolCheck } from '../pool/checks.ts'
import { poolPlace } from '../pool/settings.ts'

/** How long a folder may take to say where it lies, in milliseconds. */
const LOOK_MS = 2_000

/** What can be wrong with volumes that are files; `sysfs` is where the kernel shows its disks. */
export function loopChecks(
  settings: unknown,
  context: ProviderContext,
  sysfs = '/sys/block',
): readonly Check[] {
  const place = poolPlace(settings, context, 'loop')
  return [devicesCheck(place.path, sysfs, context.run), poolCheck('loop', place, context.run)]
}

/** Loop devices in use, and those of volumes whose file is gone. By sysfs, which never waits for a disk. */
function devicesCheck(pool: string, sysfs: string, run: Run): Check {
  return {
    id: 'loop.devices',
    title: 'loop devices',
    after: ['service.driver'],
    run: async (signal) => {
      const devices = await loopDevices(sysfs)
      if (devices === undefined) return [{ verdict: 'fail', ...NO_SYSFS }]
      const used = devices.filter(({ file }) => file !== undefined)
      const folder = `${await realPlace(pool, run, signal)}/`
      const ours = used.filter(({ file = '' }) => file.startsWith(folder))
      const gone = ours.filter(({ file = '' }) => file.endsWith(' (deleted)'))
      const seen = `loop devices in use: ${used.length}, of them for volumes: ${ours.length}`
      return gone.length === 0 ? [{ verdict: 'pass', seen }] : gone.map(goneFinding)
    },
  }
}

const NO_SYSFS = {
  seen: 'the kernel does not show its disks: /sys is not mounted here',
  remedy: 'mount -t sysfs sysfs /sys',
}

/** All loop devices, each with the file behind it while it is in use; undefined where there is no sysfs. */
async function loopDevices(
  sysfs: string,
): Promise<readonly { readonly name: string; readonly file: string | undefined }[] | undefined> {
  try {
    const names = (await readdir(sysfs)).filter((name) => /^loop\d+$/.test(name))
    return await Promise.all(
      names.map(async (name) => ({ name, file: await backingFile(path.join(sysfs, name)) })),
    )
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The kernel names files without links. A pool may lie on a disk that hangs: it is asked for in a child. */
async function realPlace(pool: string, run: Run, signal: AbortSignal): Promise<string> {
  try {
    const args = ['-m', '--', pool]
    const { exitCode, stdout } = await run('realpath', args, { timeoutMs: LOOK_MS, signal })
    return exitCode === 0 ? stdout.trimEnd() : pool
  } catch (error) {
    if (error instanceof TimeoutError) return pool
    throw error
  }
}

function goneFinding({ name, file }: { name: string; file: string | undefined }): Finding {
  return {
    verdict: 'warn',
    seen: `/dev/${name} is of a volume whose file is gone: ${file}`,
    remedy: `end what uses it: fuser -vm /dev/${name}\nlosetup -d /dev/${name}`,
  }
}

async function backingFile(device: string): Promise<string | undefined> {
  const file = path.join(device, 'loop', 'backing_file')
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trim() || undefined
}

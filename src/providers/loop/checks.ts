import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Check, Finding } from '../../libstorage/check.ts'
import type { ProviderContext } from '../definition.ts'
import { poolCheck } from '../pool/checks.ts'
import { poolPlace } from '../pool/settings.ts'

const SYSFS = '/sys/block'

/** What can be wrong with volumes that are files. */
export function loopChecks(settings: unknown, context: ProviderContext): readonly Check[] {
  const place = poolPlace(settings, context, 'loop')
  return [devicesCheck(place.path), poolCheck('loop', place, context.run)]
}

/** Loop devices in use, and those of volumes whose file is gone. By sysfs, which never waits for a disk. */
function devicesCheck(pool: string): Check {
  return {
    id: 'loop.devices',
    title: 'loop devices',
    after: ['service.driver'],
    run: async () => {
      const names = (await readdir(SYSFS)).filter((name) => /^loop\d+$/.test(name))
      const all = await Promise.all(
        names.map(async (name) => ({ name, file: await backingFile(name) })),
      )
      const used = all.filter(({ file }) => file !== undefined)
      const ours = used.filter(({ file = '' }) => file.startsWith(`${pool}/`))
      const gone = ours.filter(({ file = '' }) => file.endsWith(' (deleted)'))
      const seen = `${used.length} loop devices are in use, ${ours.length} of them for volumes`
      return gone.length === 0 ? [{ verdict: 'pass', seen }] : gone.map(goneFinding)
    },
  }
}

function goneFinding({ name, file }: { name: string; file: string | undefined }): Finding {
  return {
    verdict: 'warn',
    seen: `/dev/${name} is of a volume whose file is gone: ${file}`,
    remedy: `end what uses it: fuser -vm /dev/${name}\nlosetup -d /dev/${name}`,
  }
}

async function backingFile(name: string): Promise<string | undefined> {
  const file = path.join(SYSFS, name, 'loop', 'backing_file')
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trim() || undefined
}

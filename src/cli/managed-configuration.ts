import { readFile } from 'node:fs/promises'
import path from 'node:path'
import * as z from 'zod'
import { writeDurably } from '../libstorage/durable-file.ts'
import { FailedPreconditionError, systemCode } from '../libstorage/errors.ts'
import { makeFolder } from '../libstorage/make-folder.ts'

/** The file, in the lib directory, that says which configuration files a managed plugin had at its last start. */
export const FILES_RECORD = 'configuration-files.json'

const schema = z.object({ files: z.array(z.string()) })

/**
 * An engine forgets at an upgrade of a managed plugin which of the machine's folders it was given. Without the configuration
 * that it had it would know other volumes under the same names, or none: rejects with `FailedPreconditionError` where there
 * were files at an earlier start, and are none now.
 */
export async function requireConfigurationAsBefore(
  libDirectory: string,
  files: readonly string[],
): Promise<void> {
  const record = path.join(libDirectory, FILES_RECORD)
  const before = await recorded(record)
  if (files.length === 0 && before.length > 0)
    throw new FailedPreconditionError({
      subject: 'the configuration',
      problem: `had ${before.join(' and ')} at an earlier start, and has no file now`,
      remedy: `set config.source of the plugin again, or remove ${record} to go on without`,
    })
  if (files.join('\n') === before.join('\n')) return
  await makeFolder(libDirectory)
  await writeDurably(record, JSON.stringify({ files }))
}

async function recorded(record: string): Promise<readonly string[]> {
  try {
    return schema.parse(JSON.parse(await readFile(record, 'utf8'))).files
  } catch (error) {
    // One that is damaged says nothing; one that cannot be read would say that there were none.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return []
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

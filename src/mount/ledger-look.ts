import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { isStorageError, systemCode } from '../libstorage/errors.ts'
import { type LedgerRecord, parseRecord } from './ledger-record.ts'

/** A record that cannot be used as it stands. */
export interface BadRecord {
  readonly file: string
  /** What is wrong with it, as a clause. */
  readonly problem: string
}

/** What a look at a ledger shows. */
export interface LedgerLook {
  readonly folder: string
  readonly records: readonly LedgerRecord[]
  readonly bad: readonly BadRecord[]
  /** Corrupt records that a server has put aside. */
  readonly aside: readonly string[]
}

/** Reads the ledger of a service and leaves it as it is; one that is not there is empty. Rejects where its folder cannot be read. */
export async function lookAtLedger(folder: string, service: string): Promise<LedgerLook> {
  const entries = await readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
  const inFolder = (names: readonly string[]) => names.map((name) => path.join(folder, name))
  const files = inFolder(entries.filter((name) => name.endsWith('.json')))
  const read = await Promise.all(files.map((file) => readRecord(file, service)))
  return {
    folder,
    records: read.flatMap((one) => ('problem' in one ? [] : [one])),
    bad: read.flatMap((one) => ('problem' in one ? [one] : [])),
    aside: inFolder(entries.filter((name) => name.includes('.json.corrupt-'))),
  }
}

async function readRecord(file: string, service: string): Promise<LedgerRecord | BadRecord> {
  try {
    const record = parseRecord(file, JSON.parse(await readFile(file, 'utf8')))
    if (record.service === service) return record
    return { file, problem: `is a record of the service ${record.service}` }
  } catch (error) {
    if (isStorageError(error))
      return { file, problem: error.message.replace(`ledger file ${file} `, '') }
    const code = systemCode(error)
    return { file, problem: code === undefined ? 'is corrupt' : `cannot be read (${code})` }
  }
}

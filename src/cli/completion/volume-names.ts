import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Directories } from '../../config/config.ts'
import { exchange } from '../dvdcli/exchange.ts'
import { readReply } from '../dvdcli/plugin-reply.ts'

/** A person waits for the next key. */
const PATIENCE_MS = 500

/** The names of the volumes: those that a running server lists, else those that are in use here. Fast, and never complete for sure. */
export async function volumeNames({
  plugins,
  lib,
}: Pick<Directories, 'plugins' | 'lib'>): Promise<readonly string[]> {
  try {
    return await listedNames(join(plugins, 'rexray.sock'))
  } catch {
    return await recordedNames(join(lib, 'ledger'))
  }
}

async function listedNames(socketPath: string): Promise<readonly string[]> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const question = { call: 'VolumeDriver.List', body: '{}\n', signal }
  const { status, text } = await exchange({ kind: 'unix', socketPath }, question)
  return readReply(status, text).volumes.map(({ name }) => name)
}

async function recordedNames(ledger: string): Promise<readonly string[]> {
  const folders = await readdir(ledger)
  const names = folders.map(async (folder) => {
    const files = await readdir(join(ledger, folder))
    const records = files.filter((file) => file.endsWith('.json'))
    return await Promise.all(records.map((file) => nameIn(join(ledger, folder, file))))
  })
  return (await Promise.all(names)).flat().filter((name) => name !== undefined)
}

async function nameIn(file: string): Promise<string | undefined> {
  try {
    const record: { volume?: { name?: unknown } } = JSON.parse(await readFile(file, 'utf8'))
    return typeof record.volume?.name === 'string' ? record.volume.name : undefined
  } catch {
    return undefined
  }
}

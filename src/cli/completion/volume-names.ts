import { readdir, readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import type { Directories } from '../../config/config.ts'

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
  const text = await new Promise<string>((resolve, reject) => {
    const call = request(
      {
        socketPath,
        path: '/VolumeDriver.List',
        method: 'POST',
        signal: AbortSignal.timeout(PATIENCE_MS),
      },
      (reply) => {
        let body = ''
        reply.setEncoding('utf8')
        reply.on('data', (chunk: string) => {
          body += chunk
        })
        reply.on('end', () => resolve(body))
        reply.on('error', reject)
      },
    )
    call.on('error', reject)
    call.end('{}')
  })
  const reply: { Volumes?: readonly { Name: string }[] } = JSON.parse(text)
  if (reply.Volumes === undefined) throw new Error('the server does not list')
  return reply.Volumes.map(({ Name }) => Name)
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

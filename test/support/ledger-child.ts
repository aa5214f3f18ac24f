import { createInterface } from 'node:readline'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { FileLedger } from '../../src/mount/ledger.ts'
import { newRecord } from '../../src/mount/ledger-record.ts'

/** Writes a ledger as it is told, a line each: `put <id> <name>`, `delete <id>`; says `done` when it is on disk. */
const [folder = ''] = process.argv.slice(2)
const ledger = new FileLedger(folder, silentLogger)

for await (const line of createInterface(process.stdin)) {
  const [command, id = '', name = ''] = line.split(' ')
  const volume = { id, name, sizeGiB: 1, managed: true, labels: {} }
  const references = [{ id: 'a', count: 1, undelivered: 0, since: '2024-05-01T12:00:00.000Z' }]
  if (command === 'put') await ledger.put({ ...newRecord('main', volume, 'boot'), references })
  else await ledger.delete(id)
  console.log('done')
}

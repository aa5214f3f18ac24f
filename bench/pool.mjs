import { createHash } from 'node:crypto'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The configuration under which everything is measured: the loop provider, nothing kept attached. */
export const configuration = `
libstorage:
  service: loop
  integration: { volume: { operations: { unmount: { detachDelay: 0s } } } }
`

/** Writes volumes of 1 GiB straight into the pool of the loop provider below this home; resolves with their names. */
export function writePool(home, count) {
  return Array.from({ length: count }, (_, index) => {
    const name = `volume-${String(index).padStart(5, '0')}`
    const folder = join(home, 'var/lib/loop', name)
    mkdirSync(folder, { recursive: true })
    const record = {
      id: `vol-${createHash('sha256').update(name).digest('hex').slice(0, 17)}`,
      name,
      sizeGiB: 1,
      labels: {},
      createdAt: '2026-01-01T00:00:00.000Z',
    }
    writeFileSync(join(folder, 'volume.json'), JSON.stringify(record))
    writeFileSync(join(folder, 'disk'), '')
    truncateSync(join(folder, 'disk'), 2 ** 30)
    return name
  })
}

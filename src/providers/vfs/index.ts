import type { Provider } from '../../libstorage/storage-driver.ts'
import type { ProviderContext } from '../definition.ts'
import { Pool } from '../pool/pool.ts'
import { PoolDriver } from '../pool/pool-driver.ts'
import { PoolTurns } from '../pool/pool-turns.ts'
import { poolPlace } from '../pool/settings.ts'
import { looksLikePoolId } from '../pool/volume-id.ts'
import { FILES_FOLDER, VfsContent } from './driver.ts'
import { VfsExecutor } from './executor.ts'

/** Opens the pool and serves its volumes as directories. Rejects with a sentence when the pool cannot be used. */
export async function createVfsProvider(
  settings: unknown,
  context: ProviderContext,
): Promise<Provider> {
  const { path, isDefault, self, memory } = poolPlace(settings, context, 'vfs')
  const turns = new PoolTurns(path)
  const { run, logger, looksOnly } = context
  const pool = new Pool(path, FILES_FOLDER, { run, turns, memory, logger, looksOnly })
  if (looksOnly !== true) await pool.open({ parents: isDefault })
  return {
    driver: new PoolDriver(pool, new VfsContent(context.run, turns), self, context.run),
    executor: new VfsExecutor(pool, self.instance),
    storage: 'directory',
    scope: 'local',
    consistency: 'strong',
    wishes: new Set(['source']),
    looksLikeId: looksLikePoolId,
  }
}

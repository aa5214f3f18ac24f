import type { Provider } from '../../libstorage/storage-driver.ts'
import type { ProviderContext } from '../definition.ts'
import { Pool } from '../pool/pool.ts'
import { PoolDriver } from '../pool/pool-driver.ts'
import { PoolTurns } from '../pool/pool-turns.ts'
import { poolPlace } from '../pool/settings.ts'
import { looksLikePoolId } from '../pool/volume-id.ts'
import { DISK_FILE, LoopContent } from './driver.ts'
import { LoopExecutor } from './executor.ts'

/** Opens the pool and serves its volumes as loop devices. Rejects with a sentence when the pool cannot be used. */
export async function createLoopProvider(
  settings: unknown,
  context: ProviderContext,
): Promise<Provider> {
  const { path, isDefault, self, memory } = poolPlace(settings, context, 'loop')
  const turns = new PoolTurns(path)
  const { run, logger, looksOnly } = context
  const pool = new Pool(path, DISK_FILE, { run, turns, memory, logger, looksOnly })
  if (looksOnly !== true) await pool.open({ parents: isDefault })
  const content = new LoopContent(context.run, turns)
  return {
    driver: new PoolDriver(pool, content, self, context.run),
    executor: new LoopExecutor(pool, content, self.instance),
    storage: 'block',
    scope: 'local',
    consistency: 'strong',
    wishes: new Set(['source']),
    looksLikeId: looksLikePoolId,
  }
}

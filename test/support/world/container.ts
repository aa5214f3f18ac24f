import type { WorldParts } from './world.ts'
import type { WorldMachine } from './world-machine.ts'

/** A container with one volume. */
export interface Container {
  readonly id: string
  readonly volume: string
  status: 'starting' | 'running' | 'stopping' | 'over'
  /** Its volume failed under it. */
  isBroken: boolean
  /** One of several Unmounts of it was sent twice, and the server cannot tell that from two. */
  isAmbiguous: boolean
  /** It was mounted a second time, which a server cannot tell from the repeat of a Mount that its predecessor answered. */
  isCopied: boolean
  readonly since: number
  writes: number
}

/** A container that has not got its volume yet. */
export function newContainer(id: string, volume: string): Container {
  return {
    id,
    volume,
    status: 'starting',
    isBroken: false,
    isAmbiguous: false,
    isCopied: false,
    since: Date.now(),
    writes: 0,
  }
}

/** While a container runs, its volume is mounted here and its reference kept. */
export function requireKept(
  container: Container,
  machine: WorldMachine,
  { chronicle, settings }: Pick<WorldParts, 'chronicle' | 'settings'>,
): void {
  const { id, volume } = container
  const { files, kernel } = machine
  const records = files.records().filter((record) => record.volume.name === volume)
  const isAtWork = records.some((record) => files.isLocked(record.volume.id))
  if (settings.unmount.ignoreUsedCount || isAtWork || !isCertain(container, machine)) return
  const isReferred = records.some(({ references }) => references.some((one) => one.id === id))
  if (!isReferred) chronicle.violated(`the reference of ${id}, which runs, is lost`)
  if (kernel.topmostAt(`/mnt/${volume}`) === undefined)
    chronicle.violated(`${volume} is not mounted, and ${id} runs`)
}

function isCertain(
  { isBroken, isAmbiguous, isCopied, since }: Container,
  { server }: WorldMachine,
): boolean {
  const isSettled = server !== undefined && Date.now() - server.startedAt > 2_000
  return isSettled && !isBroken && !isAmbiguous && !(isCopied && server.startedAt > since)
}

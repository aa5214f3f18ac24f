/** How long EC2 takes, in milliseconds. */
export interface Delays {
  /** From the request to `available`. */
  readonly create: number
  /** From the request until the kernel shows the disk, and until EC2 says `attached`: either may be first. */
  readonly device: number
  readonly attach: number
  /** From the request until the disk has left the kernel, and until EC2 shows no attachment. */
  readonly deviceGone: number
  readonly detach: number
  /** From no attachment to `available`. */
  readonly free: number
  readonly delete: number
  /** From `modifying` to `optimizing`, and from there to `completed`. */
  readonly modify: number
  readonly optimize: number
  readonly snapshot: number
  readonly boot: number
  readonly stop: number
  readonly terminate: number
  /** From `terminated` until its volumes are free. */
  readonly release: number
  /** From the request until a volume is given up whose key cannot be used. */
  readonly keyRefusal: number
  /** How far a look-up lags behind a change; one by tags of something new lags more. */
  readonly lag: number
  readonly tagLag: number
  /** Between two snapshots of one volume. */
  readonly snapshotPause: number
  /** From one look to the next whether an instance has let go of a disk. */
  readonly holdLook: number
}

/** What is usual on the real one. */
export const realDelays: Delays = {
  create: 1_500,
  device: 1_200,
  attach: 2_000,
  deviceGone: 1_200,
  detach: 2_500,
  free: 300,
  delete: 2_000,
  modify: 3_000,
  optimize: 60_000,
  snapshot: 20_000,
  boot: 15_000,
  stop: 20_000,
  terminate: 30_000,
  release: 1_000,
  keyRefusal: 2_000,
  lag: 500,
  tagLag: 2_000,
  snapshotPause: 15_000,
  holdLook: 100,
}

/** All of them shorter by a factor, such as 0.002; what is given stays as it is. */
export function delaysBy(factor: number, given: Partial<Delays> = {}): Delays {
  const scaled = Object.entries(realDelays).map(([name, ms]) => [name, ms * factor])
  return { ...realDelays, ...Object.fromEntries(scaled), ...given }
}

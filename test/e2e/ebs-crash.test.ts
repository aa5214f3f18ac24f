import { expect, test } from 'vitest'
import { ebsBed } from '../support/crash-beds.ts'
import { type Crash, type CrashPoint, crashRun } from '../support/crash-run.ts'
import { failureOf, inParallel, spread, tryAll } from '../support/crash-trials.ts'

/** A life takes some five seconds, most of which EC2 is waited for: of what needs no EC2 the loop provider shows every moment. */
const others = 10
const othersLimitMs = 45_000
const limitMs = 150_000

/** The points at which EC2 is asked or has answered, each as the n-th of its kind. */
function requestPoints(points: readonly CrashPoint[]): { what: string; nth: number }[] {
  const seen = new Map<string, number>()
  return points.flatMap(({ what }) => {
    if (!what.includes('EC2')) return []
    const nth = (seen.get(what) ?? 0) + 1
    seen.set(what, nth)
    return [{ what, nth }]
  })
}

test('a server that dies before or after any of its requests to EC2 loses nothing of a volume, and leaves nothing there', async () => {
  const { points } = await crashRun('ext4', { kind: 'none' }, ebsBed)
  const requests = requestPoints(points)
  expect(requests.length).toBeGreaterThan(20)
  await tryAll(
    'ebs, every request',
    requests,
    (point) => crashRun('ext4', { kind: 'nth', ...point }, ebsBed),
    { limitMs },
  )
}, 600_000)

test('the same with xfs, around the requests that change something', async () => {
  const { points } = await crashRun('xfs', { kind: 'none' }, ebsBed)
  const changes = requestPoints(points).filter(({ what }) => !what.includes('Describe'))
  await tryAll(
    'ebs with xfs, every change',
    changes,
    (point) => crashRun('xfs', { kind: 'nth', ...point }, ebsBed),
    { limitMs: othersLimitMs, neverLeftOut: 6 },
  )
}, 600_000)

test('a server that dies at other moments loses nothing: a sample, since these are the same for every provider and each costs seconds of EC2', async () => {
  const { points } = await crashRun('ext4', { kind: 'none' }, ebsBed)
  const sample = spread(points.filter(({ what }) => !what.includes('EC2'))).slice(0, others)
  await tryAll(
    'ebs, a sample of the rest',
    sample,
    ({ number }) =>
      crashRun('ext4', { kind: 'point', number, mode: number % 2 ? 'tree' : 'alone' }, ebsBed),
    { limitMs: othersLimitMs, neverLeftOut: 8 },
  )
}, 600_000)

test('a Create that died and is repeated before EC2 shows its volume by name ends with one volume', async () => {
  // Longer than a server takes to come back.
  const lateBed = (fsType: string) => ebsBed(fsType, 15_000)
  const crashes = ['answered by EC2 CreateVolume', 'reply /VolumeDriver.Create']
  await tryAll(
    'ebs, names that show late',
    crashes.map((what) => ({ what, nth: 1 })),
    (point) => crashRun('ext4', { kind: 'nth', ...point }, lateBed),
  )
}, 600_000)

test('a Mount that died around its attach and is not repeated leaves the volume to nobody', async () => {
  const crashes = [1, 2].flatMap((nth) =>
    ['asks EC2 AttachVolume', 'answered by EC2 AttachVolume'].map((what) => ({ what, nth })),
  )
  await tryAll('ebs, nobody repeats', crashes, (point) =>
    crashRun('ext4', { kind: 'nth', ...point, abandoned: true }, ebsBed),
  )
}, 600_000)

test('a mkfs that dies with the server, or outlives it, loses nothing on a disk of EBS', async () => {
  const crashes: Crash[] = [
    { kind: 'mkfs-killed', write: 10 },
    { kind: 'mkfs-outlives', write: 10 },
  ]
  const failures: string[] = []
  await inParallel(crashes, async (crash) => {
    const failure = await failureOf(() => crashRun('ext4', crash, ebsBed))
    if (failure !== undefined) failures.push(`${JSON.stringify(crash)}: ${failure}`)
  })
  expect(failures).toEqual([])
}, 600_000)

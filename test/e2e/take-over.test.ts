import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/machine.ts'
import { NamespaceMachines } from '../support/namespace-machine.ts'

/** A machine that lost a volume has to notice within this. */
const NOTICE_MS = 10_000

let machines: NamespaceMachines

beforeEach(() => {
  machines = new NamespaceMachines()
})
afterEach(() => machines.end())

/** Says of a file system on a device that nobody has whether it is whole, and changes nothing. */
const checks: Readonly<Record<string, readonly [string, ...string[]]>> = {
  ext4: ['e2fsck', '-f', '-n'],
  xfs: ['xfs_repair', '-n'],
  btrfs: ['btrfs', 'check', '--readonly'],
}

const disk = () => join(machines.pool, 'data/disk')

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

describe('a volume that a running machine has, under preempt true', () => {
  test.each(['ext4', 'xfs', 'btrfs'])(
    'is taken by force with every line on %s that was acknowledged, and nothing that its loser writes later',
    async (fsType) => {
      const loser = await machines.add('loser', { fsType })
      const winner = await machines.add('winner', { preempt: true })
      await loser.serve()
      await winner.serve()
      await loser.create()
      const lost = await loser.mount('a')
      const device = loser.device()
      const writer = await loser.write(join(lost, 'lines'))

      const taken = await winner.mount('b')
      const found = winner.machine.path(join(taken, 'lines'))
      const lines = new Set(readFileSync(found, 'utf8').split('\n'))
      const acknowledged = writer.acknowledged()
      expect(acknowledged.filter((line) => !lines.has(line))).toEqual([])
      expect(winner.events('taken-over')).toMatchObject([
        { instance: 'loser', cause: 'loser was detached by force' },
      ])
      await eventually('the winner to say so', () =>
        winner.output().includes('is taken from loser by force'),
      )
      await eventually('the loser to notice', () => loser.events('lost').length === 1, NOTICE_MS)
      expect(loser.events('lost')[0]).toMatchObject({ instance: 'winner' })
      await eventually('the loser to say so', () =>
        loser.output().includes('was lost: it is attached to winner since'),
      )
      await eventually(
        'the dead mount to be taken away',
        () => !loser.machine.mounts().some((point) => point.endsWith('/data')),
      )
      expect(loser.record()).toMatchObject({ lost: { to: 'winner' }, references: [{ id: 'a' }] })

      await winner.unmount('b')
      const before = await hashOf(disk())
      const refused = writer.refused()
      const raw = ['if=/dev/zero', `of=${device}`, 'bs=4096', 'count=1', 'oflag=direct']
      expect(await loser.machine.run('dd', raw)).not.toMatchObject({ status: 0 })
      await eventually('more writes to be refused', () => writer.refused() > refused + 20)
      expect(writer.acknowledged()).toEqual(acknowledged)
      expect(await hashOf(disk())).toBe(before)
      console.log(
        `${fsType}: ${acknowledged.length} lines acknowledged, all at the winner; ${writer.refused()} refused later, none there`,
      )
      const [check = '', ...options] = checks[fsType] ?? []
      await winner.tool(check, ...options, disk())

      await winner.mount('c')
      const again = new Set(readFileSync(found, 'utf8').split('\n'))
      expect(acknowledged.filter((line) => !again.has(line))).toEqual([])
      await winner.unmount('c')
      await writer.kill()
      await loser.unmount('a')
      await machines.expectNothingLeft()
    },
  )

  test('is not taken back by the containers of the machine that lost it, until somebody says force', async () => {
    const returned = await machines.add('returned', { preempt: true })
    const winner = await machines.add('winner', { preempt: true })
    await returned.serve()
    await winner.serve()
    await returned.create()
    await returned.mount('a')
    const taken = await winner.mount('b')
    const writer = await winner.write(join(taken, 'lines'))
    for (let attempt = 0; attempt < 3; attempt++) {
      const { status, body } = await returned.call('Mount', { ID: `loop-${attempt}` })
      expect(status).toBe(500)
      expect(body['Err']).toMatch(
        /: volume "data" was lost by this machine at \S+ and is attached to winner since \S+ \(which runs\): it is not taken back until 5 minutes have passed without a try, detach it there, or take it back with volume attach --force$/,
      )
    }
    expect(writer.refused()).toBe(0)
    const acknowledged = writer.acknowledged().length
    await eventually('the winner to go on', () => writer.acknowledged().length > acknowledged)

    const forced = await returned.command('volume', 'mount', '--force', 'data')
    expect(forced).toMatchObject({ status: 0 })
    const lines = readFileSync(
      returned.machine.path(
        join(taken.replace(winner.machine.home, returned.machine.home), 'lines'),
      ),
      'utf8',
    ).split('\n')
    expect(writer.acknowledged().filter((line) => !lines.includes(line))).toEqual([])
    await eventually('the winner to notice', () => winner.events('lost').length === 1, NOTICE_MS)
    await writer.kill()
    // A mount of Docker's is given up only when it is old enough for its container to be seen using it.
    await eventually('the command to be allowed to unmount', async () => {
      const { status } = await returned.command('volume', 'unmount', 'data')
      return status === 0
    })
    await returned.unmount('a')
    await winner.unmount('b')
    await machines.expectNothingLeft()
  })

  test('goes back to the machine that lost it as soon as the winner lets it go', async () => {
    const returned = await machines.add('returned', { preempt: true })
    const winner = await machines.add('winner', { preempt: true })
    await returned.serve()
    await winner.serve()
    await returned.create()
    await returned.mount('a')
    await winner.mount('b')
    expect(await returned.call('Mount', { ID: 'c' })).toMatchObject({ status: 500 })
    await winner.unmount('b')
    await returned.mount('c')
    expect(returned.events('taken-over')).toEqual([])
    await returned.unmount('c')
    await returned.unmount('a')
    await machines.expectNothingLeft()
  })

  test('is taken by the next server of a killed one, whose grace began with the request', async () => {
    const loser = await machines.add('loser')
    const winner = await machines.add('winner', { preempt: true, preemptGrace: '6s' })
    await loser.serve()
    await winner.serve()
    await loser.create()
    const writer = await loser.write(join(await loser.mount('a'), 'lines'))
    const cut = winner.call('Mount', { ID: 'b' }).catch(() => 'cut')
    await eventually('the request', () => winner.record()?.takeOver?.isHeld)
    await winner.server.kill()
    expect(await cut).toBe('cut')
    const requested = winner.record()?.takeOver
    await sleep(6_000)
    expect(writer.refused()).toBe(0)
    await winner.serve()
    expect(winner.record()?.takeOver).toEqual(requested)
    const begun = performance.now()
    const taken = await winner.mount('b')
    expect(performance.now() - begun).toBeLessThan(5_500)
    const [event] = winner.events('taken-over')
    const since = Date.parse(event?.time ?? '') - (event?.durationMs ?? 0)
    expect(Math.abs(since - Date.parse(requested?.begunAt ?? ''))).toBeLessThan(1_000)
    const lines = readFileSync(winner.machine.path(join(taken, 'lines')), 'utf8').split('\n')
    expect(writer.acknowledged().filter((line) => !lines.includes(line))).toEqual([])
    await writer.kill()
    await winner.unmount('b')
    await loser.unmount('a')
    await machines.expectNothingLeft()
  })
})

describe('a volume that a running machine has, under preempt false', () => {
  test('is refused after attachWait with the holder and the ways out, and the holder goes on', async () => {
    const holder = await machines.add('holder')
    const other = await machines.add('other')
    await holder.serve()
    await other.serve()
    await holder.create()
    const writer = await holder.write(join(await holder.mount('a'), 'lines'))
    const { status, body } = await other.call('Mount', { ID: 'b' })
    expect(status).toBe(500)
    expect(body['Err']).toMatch(
      /: volume "data" is attached to holder since \S+ \(which runs\), stop what uses it there and detach it there, or take it with mount\.preempt or volume mount --force$/,
    )
    const acknowledged = writer.acknowledged().length
    await eventually('the holder to go on', () => writer.acknowledged().length > acknowledged)
    expect(writer.refused()).toBe(0)
    await writer.kill()
    await holder.unmount('a')
    await machines.expectNothingLeft()
  })

  test.each([false, true])(
    'is had by a Mount that came before the Unmount there, without force (preempt %s)',
    async (preempt) => {
      const holder = await machines.add('holder')
      const next = await machines.add('next', { preempt, attachWait: '20s' })
      await holder.serve()
      await next.serve()
      await holder.create()
      const folder = await holder.mount('a')
      await holder.tool('sh', '-c', `echo kept > ${folder}/file`)
      const mount = next.mount('b')
      await sleep(500)
      await holder.unmount('a')
      const file = next.machine.path(join(await mount, 'file'))
      expect(readFileSync(file, 'utf8')).toBe('kept\n')
      expect([...next.events('taken-over'), ...holder.events('lost')]).toEqual([])
      await next.unmount('b')
      await machines.expectNothingLeft()
    },
  )
})

test.each(['ext4', 'xfs', 'btrfs'])(
  'of two machines that mount a new volume at once one gets it, formatted once, with %s',
  async (fsType) => {
    const both = [await machines.add('one', { fsType }), await machines.add('two', { fsType })]
    for (const machine of both) await machine.serve()
    await both[0]?.create()
    const replies = await Promise.all(both.map((machine) => machine.call('Mount', { ID: 'a' })))
    const winner = both[replies.findIndex(({ status }) => status === 200)]
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 500])
    const { body } = replies.find(({ status }) => status === 500) ?? {}
    expect(body?.['Err']).toContain(`volume "data" is attached to ${winner?.name} since`)
    expect(both.flatMap((machine) => machine.events('formatted'))).toHaveLength(1)
    await winner?.unmount('a')
    await machines.expectNothingLeft()
  },
)

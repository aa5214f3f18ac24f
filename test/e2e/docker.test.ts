import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Engine, image } from '../support/dockerd.ts'
import { expectNothingLeft } from '../support/leftovers.ts'
import { eventually, Machine } from '../support/machine.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

const GIB = 2 ** 30

let machine: Machine
let engine: Engine
let server: ServerProcess
let scratch: string

beforeAll(async () => {
  machine = await Machine.start()
  engine = new Engine(machine)
  server = await startServer(machine)
  await engine.start()
})
afterAll(() => machine.end())
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'remora-files-'))
})
afterEach(() => rmSync(scratch, { recursive: true }))

/** A mount of one of our volumes, made when it is not there. */
function volume(name: string, ...options: string[]): string[] {
  const parts = ['type=volume', `source=${name}`, 'target=/data', 'volume-driver=rexray']
  return ['--mount', [...parts, 'volume-opt=size=1', ...options].join(',')]
}

async function remove(...names: string[]): Promise<void> {
  await engine.docker('volume', 'rm', ...names)
  await expectNothingLeft(machine)
}

describe('docker volume', () => {
  test('creates, lists, inspects and removes', async () => {
    expect(await engine.docker('volume', 'create', '-d', 'rexray', '-o', 'size=1', 'data')).toBe(
      'data',
    )
    expect(await engine.docker('volume', 'ls', '--format', '{{.Driver}} {{.Name}}')).toBe(
      'rexray data',
    )
    const [found] = JSON.parse(await engine.docker('volume', 'inspect', 'data'))
    expect(found).toMatchObject({ Name: 'data', Driver: 'rexray', Options: { size: '1' } })
    expect(Date.parse(found.CreatedAt)).toBeGreaterThan(Date.now() - 120_000)
    await remove('data')
    expect(await engine.docker('volume', 'ls', '-q')).toBe('')
  })

  test('says what is wrong with an option, and makes nothing', async () => {
    const { status, stderr } = await engine.attempt(
      ...['volume', 'create', '-d', 'rexray', '-o', 'syze=1', 'data'],
    )
    expect(status).not.toBe(0)
    expect(stderr).toContain('syze')
    expect(stderr).toContain('size')
    expect(await engine.docker('volume', 'ls', '-q')).toBe('')
  })

  test('refuses to remove a volume that a container has', async () => {
    const container = await engine.sleeper(...volume('busy'))
    const { status, stderr } = await engine.attempt('volume', 'rm', 'busy')
    expect([status, stderr]).toEqual([1, expect.stringContaining('in use')])
    await engine.docker('rm', '-f', container)
    await remove('busy')
  })
})

describe('docker run', () => {
  test('with -v and --volume-driver makes the volume and keeps what is written', async () => {
    const flags = ['--volume-driver', 'rexray', '-v', 'plain:/data']
    await engine.sh('echo kept > /data/file', ...flags)
    expect(await engine.sh('cat /data/file', ...flags)).toBe('kept')
    expect(await engine.sh('ls -A /data', ...flags)).toBe('file')
    await remove('plain')
  })

  test.each([
    ['xfs', 2],
    ['btrfs', 1],
    ['ext4', 1],
  ])('with --mount and options gives a volume of %s with %d GiB', async (fsType, sizeGiB) => {
    const options = [`volume-opt=size=${sizeGiB}`, `volume-opt=newfstype=${fsType}`]
    const seen = await engine.sh(
      'grep /data /proc/mounts; df -k /data',
      ...volume('made', ...options),
    )
    expect(seen).toContain(` /data ${fsType} rw`)
    const kib = Number(/\s(\d{5,})\s/.exec(seen)?.[1])
    expect(kib * 1024).toBeGreaterThan(sizeGiB * GIB * 0.85)
    expect(kib * 1024).toBeLessThanOrEqual(sizeGiB * GIB)
    await remove('made')
  })

  test('keeps data over restarts of container, plugin and engine', async () => {
    const container = await engine.sleeper(...volume('kept'))
    const write = (word: string) =>
      engine.docker('exec', container, 'sh', '-c', `echo ${word} >> /data/file && sync`)
    await write('first')
    await engine.docker('restart', '-t', '1', container)
    await write('second')
    expect(await server.stop()).toBe(0)
    await write('third')
    server = await startServer(machine)
    await write('fourth')
    await engine.stop()
    await engine.start()
    await engine.docker('start', container)
    await write('fifth')
    expect(await engine.docker('exec', container, 'cat', '/data/file')).toBe(
      'first\nsecond\nthird\nfourth\nfifth',
    )
    await engine.docker('rm', '-f', container)
    await remove('kept')
  })

  test('gives two containers the same files, until the second one ends', async () => {
    const one = await engine.sleeper(...volume('shared'))
    const two = await engine.sleeper(...volume('shared'))
    await engine.docker('exec', one, 'sh', '-c', 'echo hello > /data/file')
    expect(await engine.docker('exec', two, 'cat', '/data/file')).toBe('hello')
    await engine.docker('rm', '-f', one)
    await engine.docker('exec', two, 'sh', '-c', 'echo alone >> /data/file && sync')
    expect(await engine.docker('exec', two, 'cat', '/data/file')).toBe('hello\nalone')
    await engine.docker('rm', '-f', two)
    await remove('shared')
  })

  test('removes an anonymous volume with its --rm container', async () => {
    await engine.sh('echo x > /data/file', '--volume-driver', 'rexray', '-v', '/data')
    expect(await engine.docker('volume', 'ls', '-q')).toBe('')
    await expectNothingLeft(machine)
  })

  test('starts ten containers at once, each with a volume of its own', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `ten-${index}`)
    await Promise.all(names.map((name) => engine.sh(`echo ${name} > /data/file`, ...volume(name))))
    const found = await Promise.all(
      names.map((name) => engine.sh('cat /data/file', ...volume(name))),
    )
    expect(found).toEqual(names)
    await remove(...names)
  })

  test('starts ten containers at once on one volume', async () => {
    const words = Array.from({ length: 10 }, (_, index) => `word-${index}`)
    await Promise.all(words.map((word) => engine.sh(`echo x > /data/${word}`, ...volume('one'))))
    const found = await engine.sh('ls /data', ...volume('one'))
    expect(found.split('\n').sort()).toEqual(words)
    await remove('one')
  })
})

describe('docker cp', () => {
  test('into and out of a running container leaves its volume mounted, and its end releases it', async () => {
    const container = await engine.sleeper(...volume('copied'))
    const here = join(scratch, 'file')
    writeFileSync(here, 'copied in')
    await engine.docker('cp', here, `${container}:/data/file`)
    await engine.docker('cp', `${container}:/data/file`, join(scratch, 'back'))
    expect(readFileSync(join(scratch, 'back'), 'utf8')).toBe('copied in')
    await engine.docker('exec', container, 'sh', '-c', 'echo more > /data/more && sync')
    expect(machine.mounts()).toContain(`${machine.home}/var/lib/volumes/copied`)
    await engine.docker('stop', container)
    await eventually('the volume to be released', () => machine.loops().length === 0)
    await engine.docker('cp', `${container}:/data/more`, join(scratch, 'more'))
    expect(readFileSync(join(scratch, 'more'), 'utf8')).toBe('more\n')
    await engine.docker('rm', container)
    await remove('copied')
  })

  test('copies what the image has at the mount point into a new volume', async () => {
    const base = await engine.docker('create', image, 'true')
    writeFileSync(join(scratch, 'motd'), 'from the image')
    await engine.docker('cp', join(scratch, 'motd'), `${base}:/tmp/motd`)
    await engine.docker('commit', base, 'with-file')
    await engine.docker('rm', base)
    const found = await engine.docker(
      ...['run', '--rm', '--network', 'none', '--volume-driver', 'rexray', '-v', 'filled:/tmp'],
      ...['with-file', 'cat', '/tmp/motd'],
    )
    expect(found).toBe('from the image')
    await remove('filled')
  })
})

describe('a full volume', () => {
  test('ends a write with ENOSPC at its size, and leaves the host and what it holds alone', async () => {
    const freeBefore = freeBytes()
    await engine.sh('echo precious > /data/first', ...volume('full'))
    const { status, stderr } = await engine.attempt(
      ...['run', '--rm', '--network', 'none', ...volume('full'), image],
      ...['dd', 'if=/dev/zero', 'of=/data/filler', 'bs=1M', 'count=2048'],
    )
    expect(status).not.toBe(0)
    expect(stderr).toContain('No space left on device')
    expect(freeBefore - freeBytes()).toBeLessThan(1.2 * GIB)
    const after = 'cat /data/first; rm /data/filler; echo more > /data/more; cat /data/more'
    expect(await engine.sh(after, ...volume('full'))).toBe('precious\nmore')
    await remove('full')
  })
})

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(machine.home)
  return bavail * bsize
}

import { spawnSync } from 'node:child_process'
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  FailedPreconditionError,
  InvalidArgumentError,
  isStorageError,
} from '../../src/libstorage/errors.ts'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { createPluginApp } from '../../src/plugin-api/app.ts'
import { type PluginServer, startPluginServer } from '../../src/plugin-api/server.ts'
import { DockerClient } from '../support/docker-client.ts'
import { InMemoryVolumes } from '../support/in-memory-volumes.ts'

let directory: string
let servers: PluginServer[] = []

async function serve(path: string, name: string): Promise<PluginServer> {
  const volumes = new InMemoryVolumes()
  volumes.put({ name })
  const app = createPluginApp({ volumes, logger: silentLogger })
  const server = await startPluginServer({ host: path, app, logger: silentLogger, drainMs: 0 })
  servers.push(server)
  return server
}

/** Which volumes the server at this path has. */
async function volumesAt(path: string): Promise<string[]> {
  const { json } = await new DockerClient({ path }).call('List')
  return (json as { Volumes: { Name: string }[] }).Volumes.map(({ Name }) => Name)
}

/** Leaves a socket file behind that nobody listens on, as a killed server does. */
function leaveStaleSocket(path: string): void {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script])
}

beforeEach(async () => {
  servers = []
  directory = await mkdtemp(join(tmpdir(), 'unix-socket-'))
})
afterEach(async () => {
  for (const server of servers) await server.close()
  await rm(directory, { recursive: true, force: true })
})

describe('a socket file', () => {
  test('is made with its folders, for its owner alone, whatever the umask', async () => {
    const path = join(directory, 'run/docker/plugins/rexray.sock')
    const before = process.umask(0o077)
    try {
      await serve(path, 'v1')
    } finally {
      process.umask(before)
    }
    const found = await lstat(path)
    expect(found.isSocket()).toBe(true)
    expect(found.mode & 0o777).toBe(0o600)
    for (const made of ['run', 'run/docker', 'run/docker/plugins']) {
      expect((await lstat(join(directory, made))).mode & 0o777).toBe(0o755)
    }
    expect(await readdir(dirname(path))).toEqual(['rexray.sock'])
    expect(await volumesAt(path)).toEqual(['v1'])
  })

  test('leaves the mode of a folder that was there', async () => {
    await chmod(directory, 0o700)
    await serve(join(directory, 'a.sock'), 'v1')
    expect((await lstat(directory)).mode & 0o777).toBe(0o700)
  })

  test('is taken over when it is stale', async () => {
    const path = join(directory, 'a.sock')
    leaveStaleSocket(path)
    expect((await lstat(path)).isSocket()).toBe(true)
    await serve(path, 'v1')
    expect(await volumesAt(path)).toEqual(['v1'])
    expect(await readdir(directory)).toEqual(['a.sock'])
  })

  test('is respected when it is live', async () => {
    const path = join(directory, 'a.sock')
    await serve(path, 'first')
    const second = serve(path, 'second')
    await expect(second).rejects.toThrow(FailedPreconditionError)
    await expect(second).rejects.toThrow(
      `socket ${path} is in use: another server answers there, stop that one or choose another host`,
    )
    expect(await volumesAt(path)).toEqual(['first'])
    expect(await readdir(directory)).toEqual(['a.sock'])
  })

  test.each(['a file', 'a folder'])('never replaces %s of its name', async (kind) => {
    const path = join(directory, 'a.sock')
    if (kind === 'a file') await writeFile(path, 'precious')
    else await mkdir(path)
    const refused = serve(path, 'v1')
    await expect(refused).rejects.toThrow(FailedPreconditionError)
    await expect(refused).rejects.toThrow(`${path} is in the way`)
    if (kind === 'a file') expect(await readFile(path, 'utf8')).toBe('precious')
    expect(await readdir(directory)).toEqual(['a.sock'])
  })

  test('goes to one of several servers that start at once, stale or not', async () => {
    for (const stale of [false, true]) {
      const path = join(directory, `${stale}.sock`)
      if (stale) leaveStaleSocket(path)
      const starts = await Promise.allSettled(['a', 'b'].map((name) => serve(path, name)))
      const winners = starts.flatMap(({ status }, i) =>
        status === 'fulfilled' ? [['a', 'b'][i]] : [],
      )
      expect(winners).toHaveLength(1)
      expect(await volumesAt(path)).toEqual(winners)
      for (const start of starts) {
        if (start.status === 'rejected') expect(isStorageError(start.reason)).toBe(true)
      }
    }
  })

  test('is gone after close, unless it is somebody else’s by then', async () => {
    const path = join(directory, 'a.sock')
    const first = await serve(path, 'first')
    await rename(path, join(directory, 'moved.sock'))
    await serve(path, 'second')
    await first.close()
    expect(await volumesAt(path)).toEqual(['second'])
    const [, second] = servers
    await second?.close()
    expect(await readdir(directory)).toEqual(['moved.sock'])
  })

  test('may have a path of 107 bytes and not one more', async () => {
    const fits = join(directory, 'x'.repeat(107 - directory.length - 1))
    await serve(fits, 'v1')
    expect(await volumesAt(fits)).toEqual(['v1'])
    const refused = serve(`${fits}x`, 'v1')
    await expect(refused).rejects.toThrow(InvalidArgumentError)
    await expect(refused).rejects.toThrow('has a path of 108 bytes, of which the system takes 107')
  })

  test('in a folder that is a file is an error that says so', async () => {
    await writeFile(join(directory, 'plugins'), '')
    const refused = serve(join(directory, 'plugins/a.sock'), 'v1')
    await expect(refused).rejects.toThrow(FailedPreconditionError)
    await expect(refused).rejects.toThrow('lies in a folder that is a file')
  })

  test('cleans up what a server left that was killed while it started, and nothing else', async () => {
    const left = ['.s-abc123', '.s-def456', '.s-young1', '.s-other-thing']
    for (const name of left) await mkdir(join(directory, name))
    leaveStaleSocket(join(directory, '.s-abc123/n'))
    await writeFile(join(directory, '.s-def456/precious'), '')
    const old = new Date(Date.now() - 3_600_000)
    for (const name of left) {
      if (name !== '.s-young1') await utimes(join(directory, name), old, old)
    }
    await serve(join(directory, 'a.sock'), 'v1')
    expect((await readdir(directory)).sort()).toEqual([
      '.s-def456',
      '.s-other-thing',
      '.s-young1',
      'a.sock',
    ])
  })
})

test('a server of another kind at the path is respected too', async () => {
  const path = join(directory, 'a.sock')
  const other = createServer((_request, response) => response.end('mine'))
  await new Promise<void>((resolve) => {
    other.listen(path, resolve)
  })
  try {
    await expect(serve(path, 'v1')).rejects.toThrow(FailedPreconditionError)
    expect((await lstat(path)).isSocket()).toBe(true)
  } finally {
    other.close()
  }
})

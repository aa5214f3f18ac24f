import { lstat, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { sleep } from '../../src/libstorage/wait.ts'
import { createPluginApp } from '../../src/plugin-api/app.ts'
import { startPluginServer } from '../../src/plugin-api/server.ts'
import { DockerClient } from '../support/docker-client.ts'
import { eventually } from '../support/eventually.ts'
import { InMemoryVolumes } from '../support/in-memory-volumes.ts'

const CLIENTS = 6
const CALLS_OF_EACH = 60
const RESTARTS = 5

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'restart-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

test('restarts under load lose no call, though clients repeat only what they could not dial', async () => {
  const path = join(directory, 'rexray.sock')
  const volumes = new InMemoryVolumes()
  const app = createPluginApp({ volumes, logger: silentLogger })
  const start = () => startPluginServer({ host: path, app, logger: silentLogger })
  let server = await start()
  let calls = 0
  const work = async (client: number) => {
    const docker = new DockerClient({ path }, 'dockerd 28')
    for (let i = 0; i < CALLS_OF_EACH; i += 1) {
      const fields = { Name: `v${client}-${i % 5}`, ID: `${client}` }
      const call = ['Create', 'Mount', 'Get', 'Unmount'][i % 4] ?? 'List'
      if (call === 'Mount' || call === 'Get' || call === 'Unmount') {
        await volumes.create(fields.Name, {})
      }
      const { status, text } = await docker.persist(call, fields)
      expect([call, status, text]).toEqual([call, 200, expect.any(String)])
      calls += 1
      await sleep(12)
    }
  }
  const load = Promise.all(Array.from({ length: CLIENTS }, (_, client) => work(client)))
  for (let restart = 0; restart < RESTARTS; restart += 1) {
    await sleep(60)
    const closing = server.close()
    await eventually(() => expect(lstat(path)).rejects.toThrow('ENOENT'), { interval: 1 })
    server = await start()
    await closing
    expect((await lstat(path)).isSocket()).toBe(true)
  }
  await load
  await server.close()
  expect(calls).toBe(CLIENTS * CALLS_OF_EACH)
  expect(volumes.told.undelivered).toBe(0)
})

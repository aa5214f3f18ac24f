import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AnsweringServer } from '../../../src/config/find-answers.ts'
import { silentLogger } from '../../../src/libstorage/logger.ts'
import { createPluginApp } from '../../../src/plugin-api/app.ts'
import type { CommandAnswers } from '../../../src/plugin-api/command-calls.ts'
import { type PluginServer, startPluginServer } from '../../../src/plugin-api/server.ts'
import { anAttachment, aVolume, HERE } from '../../support/a-volume.ts'
import { CommandLine, commandVolumes } from '../../support/command-line.ts'

const several = [
  aVolume({
    name: 'pg',
    id: 'vol-0a1',
    sizeGiB: 100,
    state: 'in-use',
    zone: 'eu-west-1a',
    type: 'gp3',
    iops: 3000,
    encrypted: true,
    createdAt: new Date('2024-05-01T12:00:00Z'),
    labels: { 'remora/fstype': 'xfs' },
    attachments: [anAttachment('vol-0a1', { deviceName: '/dev/xvdf' })],
  }),
  aVolume({
    name: 'elsewhere — ünïcode',
    id: 'vol-0b2',
    state: 'in-use',
    attachments: [anAttachment('vol-0b2', { instanceId: 'i-other' })],
  }),
  aVolume({ name: 'Alpha', id: 'vol-0d4', sizeGiB: 7 }),
]

let folder = ''
let server: PluginServer
let asked: AnsweringServer
let line: CommandLine

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'quick-'))
  const volumes = commandVolumes(...several)
  ;(await volumes.mount({ name: 'pg', holder: 'x' })).delivered()
  line = new CommandLine(volumes)
  const answers: CommandAnswers = {
    list: async () => ({
      volumes: await volumes.list(),
      viewpoint: { instance: HERE, driver: 'ebs' },
    }),
    path: async (_digest, name) => await volumes.path(name),
  }
  const socket = path.join(folder, 'socket')
  const app = createPluginApp({ volumes, logger: silentLogger, answers })
  server = await startPluginServer({ host: socket, app, logger: silentLogger })
  asked = { socket, digest: 'known' }
})

afterEach(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

test.each([
  ['ls'],
  ['ls', '--path'],
  ['get', '-q', '--attached'],
  ['ls', '-f', 'json', '--path'],
  ['ls', '--format', 'jsonp'],
  ['inspect', '-f', 'yaml', 'pg'],
  ['list', '-f', '{{.Name}} {{.Size}} {{json .}}'],
  ['ls', '--template', '{{range .D}}{{.Name}}\\t{{.Size}}\\n{{end}}'],
  ['ls', '-l', 'error', '--format=json'],
  ['ls', '/^[ae]/', 'nothing'],
  ['ls', '/(/'],
  ['ls', '-f', '{{.Nme}}'],
  ['path', 'pg'],
])(
  'volume %s %s %s: what the server tells is printed as what the command finds itself, byte by byte',
  async (...words) => {
    const args = ['volume', ...words]
    const quick = await line.runQuickly(args, asked)
    expect(line.steps).toEqual([])
    expect(quick).toEqual(await line.run(...args))
  },
)

test('a volume without a path, and one that does not exist, are left to the whole program', async () => {
  expect(await line.runQuickly(['volume', 'path', 'pg', 'Alpha'], asked)).toBeUndefined()
  expect(await line.runQuickly(['volume', 'path', 'nothing'], asked)).toBeUndefined()
})

test('a server that is gone is no failure', async () => {
  await server.close()
  const quick = await line.runQuickly(['volume', 'ls'], asked)
  expect(line.steps).toEqual(['open command', 'close'])
  expect(quick).toEqual(await line.run('volume', 'ls'))
})

import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { expectNothingLeft } from '../support/leftovers.ts'
import { eventually, Machine } from '../support/machine.ts'
import { runProgram, type ServerProcess, startServer } from '../support/server-process.ts'

let machine: Machine
let server: ServerProcess
beforeEach(async () => {
  machine = await Machine.start()
  server = await startServer(machine)
})
afterEach(() => machine.end())

async function remora(...args: string[]): Promise<void> {
  expect(await runProgram(machine, ...args)).toMatchObject({ status: 0, stderr: '' })
}

/** A call of kubelet's that is killed when the server has mounted the volume, and nothing shows it to the pod yet. */
async function killedAtBind(machine: Machine, driver: string, folder: string): Promise<void> {
  const begun = path.join(machine.home, 'begun')
  const tool = path.join(machine.home, 'tools/mount')
  machine.write('tools/mount', `#!/bin/sh\necho $$ > ${begun}\nexec sleep 300\n`)
  chmodSync(tool, 0o755)
  const env = { PATH: `${path.dirname(tool)}:${process.env['PATH']}` }
  const child = machine.spawn(driver, ['mount', folder, '{"volumeID":"data"}'], { env })
  await eventually('the folder to be mounted on', () => existsSync(begun))
  child.kill('SIGKILL')
  process.kill(Number(readFileSync(begun, 'utf8')), 'SIGKILL')
}

test('the FlexVolume driver gives one volume to two pods, whatever is cut short in between', async () => {
  const driver = path.join(machine.home, 'exec/rexray~flexrex/flexrex')
  const folderOf = (pod: string) =>
    path.join(machine.home, `kubelet/pods/${pod}/volumes/rexray~flexrex/db`)
  const [first, second] = [folderOf('pod-1'), folderOf('pod-2')]
  const call = async (...words: string[]) => {
    const { status, stdout } = await machine.run(driver, words, { PATH: process.env['PATH'] })
    return [status, JSON.parse(stdout)]
  }
  const mount = (folder: string, access: string) =>
    call('mount', folder, `{"volumeID":"data","kubernetes.io/readwrite":"${access}"}`)
  const success = [0, { status: 'Success' }]
  await remora('flexrex', 'install', '--path', driver)
  await remora('volume', 'create', 'data', '--size', '1')

  await killedAtBind(machine, driver, first)
  expect(await mount(first, 'rw')).toEqual(success)
  expect(await machine.run('sh', ['-c', `echo kept > ${first}/file`])).toMatchObject({
    status: 0,
  })
  expect(await mount(second, 'ro')).toEqual(success)
  const read = await machine.run('sh', ['-c', `cat ${second}/file; : > ${second}/other`])
  expect(read).toMatchObject({ stdout: 'kept\n', stderr: expect.stringContaining('ead-only') })

  await server.kill()
  expect(await call('unmount', first)).toEqual([1, expect.objectContaining({ status: 'Failure' })])
  server = await startServer(machine)
  expect(await call('unmount', first)).toEqual(success)
  expect((await machine.run('cat', [`${second}/file`])).stdout).toBe('kept\n')
  const refused = await runProgram(machine, 'volume', 'rm', 'data')
  expect(refused.stderr).toContain('volume "data" is in use by mount id pod-2/db')
  expect(await call('unmount', second)).toEqual(success)
  await eventually('the volume to be detached', () => machine.loops().length === 0)
  await remora('volume', 'rm', 'data')
  const notes = readdirSync(path.join(machine.home, 'var/run/flexrex'))
  expect(notes.filter((name) => !name.startsWith('.'))).toEqual([])
  expect(machine.mounts().filter((point) => point.includes('kubelet'))).toEqual([])
  await expectNothingLeft(machine)
})

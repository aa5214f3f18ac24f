import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { documentAt } from '../support/documents.ts'
import { expectNothingLeft } from '../support/leftovers.ts'
import { eventually, Machine } from '../support/machine.ts'
import { type MarathonApp, volumesOf } from '../support/marathon.ts'
import { agentEnvironment, MesosAgent, type TaskVolume } from '../support/mesos-agent.ts'
import { MesosModule } from '../support/mesos-module.ts'
import { expectSuccess } from '../support/plugin-calls.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { SmallPlugin } from '../support/small-plugin.ts'

let machine: Machine
let server: ServerProcess
beforeEach(async () => {
  machine = await Machine.start()
  server = await serve()
})
afterEach(() => machine.end())

/** Serves as those clusters do: who needs a volume takes it, and one unmount ends all use. */
function serve({ ignoreUsedCount = true } = {}): Promise<ServerProcess> {
  machine.write(
    'etc/config.yml',
    `libstorage:
  service: loop
  integration:
    volume:
      operations:
        create: { default: { size: 1 } }
        mount: { preempt: true }
        unmount: { ignoreUsedCount: ${ignoreUsedCount}, detachDelay: 0s }
`,
  )
  return startServer(machine)
}

const data: TaskVolume = { driver: 'rexray', name: 'data', options: { size: '1' } }
const at = (volume: TaskVolume, path: string): TaskVolume => ({
  ...volume,
  containerPath: join(machine.home, path),
})
const inside = (path: string) => join(machine.home, path)
const to = ['--volumedriver=rexray', '--volumename=data']

describe("the isolator of Mesos' agent", () => {
  test.each([true, false])(
    'mounts for every container and unmounts once (ignoreUsedCount: %s)',
    async (ignoreUsedCount) => {
      await server.stop()
      server = await serve({ ignoreUsedCount })
      const agent = new MesosAgent(machine)
      const first = await agent.launch('first', [at(data, 'c/first')])
      const second = await agent.launch('second', [at(data, 'c/second')])
      await first.sh(`echo one >> ${inside('c/first')}/log`)
      await second.sh(`echo two >> ${inside('c/second')}/log`)

      await first.kill()
      await agent.finish('first')
      expect(await second.sh(`cat ${inside('c/second')}/log`)).toBe('one\ntwo')
      await second.sh(`echo three >> ${inside('c/second')}/log`)
      await second.kill()
      await agent.finish('second')

      const mount = `dvdcli mount ${to.join(' ')} --volumeopts=size=1`
      expect(agent.lines).toEqual([mount, mount, `dvdcli unmount ${to.join(' ')}`])
      await expectNothingLeft(machine, { volumes: ['data'] })
      const third = await agent.launch('third', [at(data, 'c/third')])
      expect(await third.sh(`cat ${inside('c/third')}/log`)).toBe('one\ntwo\nthree')
    },
  )

  test('refuses a task that names a volume twice, and leaves those alone who have it', async () => {
    const agent = new MesosAgent(machine)
    const first = await agent.launch('first', [at(data, 'c/first')])
    const twice = agent.launch('second', [at(data, 'c/a'), at(data, 'c/b')])
    await expect(twice).rejects.toThrow("Found duplicate docker volume with driver 'rexray'")
    await first.sh(`echo one > ${inside('c/first')}/log`)
  })

  test('unmounts after its restart what ended meanwhile, and nothing else', async () => {
    const logs: TaskVolume = { driver: 'rexray', name: 'logs' }
    const before = new MesosAgent(machine)
    const lasting = await before.launch('lasting', [at(data, 'c/lasting')])
    const ending = await before.launch('ending', [at(data, 'c/ending'), at(logs, 'c/logs')])
    await ending.kill()
    await server.kill()
    server = await startServer(machine)

    const agent = new MesosAgent(machine)
    await agent.recover(['lasting'])
    expect(agent.lines).toEqual(['dvdcli unmount --volumedriver=rexray --volumename=logs'])
    await lasting.sh(`echo still > ${inside('c/lasting')}/log`)
    await lasting.kill()
    await agent.recover([])
    await expectNothingLeft(machine, { volumes: ['data', 'logs'] })
  })

  test('keeps a volume that others have when it kills the mount for a further one', async () => {
    const agent = new MesosAgent(machine)
    const first = await agent.launch('first', [at(data, 'c/first')])
    const hasty = new MesosAgent(machine, 1_000)
    process.kill(server.pid, 'SIGSTOP')
    await expect(hasty.launch('second', [at(data, 'c/second')])).rejects.toThrow()
    process.kill(server.pid, 'SIGCONT')
    expect(hasty.lines).toHaveLength(1)
    expect(hasty.lines[0]).toMatch(/^dvdcli mount /)
    await first.sh(`echo one > ${inside('c/first')}/log`)
    expect((await agent.dvdcli('path', ...to)).stdout).not.toBe('')
  })

  test.each([150, 250, 350, 450])(
    'that kills its mounts and unmounts after %i ms leaves nothing that its repeat would not end',
    async (limitMs) => {
      const hasty = new MesosAgent(machine, limitMs)
      const first = await hasty.launch('first', [at(data, 'c/first')]).catch(() => undefined)
      await first?.kill()
      await hasty.finish('first').catch(() => undefined)
      const agent = new MesosAgent(machine)
      const again = await agent.launch('again', [at(data, 'c/again')])
      await again.sh(`echo one > ${inside('c/again')}/log`)
      await again.kill()
      await agent.finish('again')
      await expectNothingLeft(machine, { volumes: ['data'] })
    },
  )

  test('gets the path alone on stdout from a plugin that comes up late', async () => {
    await server.stop()
    const agent = new MesosAgent(machine)
    const early = agent.dvdcli('mount', ...to)
    server = await startServer(machine)
    const { status, stdout, stderr } = await early
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `${machine.home}/var/lib/volumes/data/data\n`,
    })
    expect(stderr).toContain(`msg="${stdout.trim()}"`)
  })

  test('gets the reason on stderr, and nothing on stdout', async () => {
    const agent = new MesosAgent(machine)
    const failed = agent.launch('first', [{ ...data, options: { sise: '5' } }])
    await expect(failed).rejects.toThrow('option sise is unknown, did you mean size?')
    const missing = await agent.dvdcli('unmount', '--volumedriver=rexray', '--volumename=nothing')
    expect(missing).toMatchObject({ status: 1, stdout: '' })
    expect(missing.stderr).toContain('volume \\"nothing\\" not found')
  })

  test('works with a plugin that is not ours', async () => {
    const other = new SmallPlugin()
    other.refusal = 'status 200 and Err'
    await other.listen(join(machine.home, 'run/docker/plugins/other.sock'))
    try {
      const agent = new MesosAgent(machine)
      const otherData = ['--volumedriver=other', '--volumename=data']
      expect(await agent.dvdcli('mount', ...otherData)).toMatchObject({ stdout: '/mnt/data\n' })
      other.next.push('never answer')
      const hung = await new MesosAgent(machine, 1_500).dvdcli('mount', ...otherData)
      expect(hung).toMatchObject({ status: null, stdout: '' })
      expect(await agent.dvdcli('unmount', ...otherData)).toMatchObject({ status: 0, stdout: '' })
    } finally {
      await other.close()
    }
  })

  test('may ask for one volume eight times at once, and ends all that by one unmount', async () => {
    const agent = new MesosAgent(machine)
    const all = await Promise.all(Array.from({ length: 8 }, () => agent.dvdcli('mount', ...to)))
    expect(new Set(all.map(({ stdout }) => stdout))).toEqual(
      new Set([`${machine.home}/var/lib/volumes/data/data\n`]),
    )
    expect(await agent.dvdcli('unmount', ...to)).toMatchObject({ status: 0 })
    await expectNothingLeft(machine, { volumes: ['data'] })
  })
})

describe('mesos-module-dvdi', () => {
  const io1 = 'size=5,iops=150,volumetype=io1,newfstype=xfs,overwritefs=false'

  test('mounts what the variables of a task name, and unmounts it with its last user', async () => {
    const module = new MesosModule(machine)
    const task = { DVDI_VOLUME_NAME: 'testing', DVDI_VOLUME_OPTS: io1 }
    const paths = await module.prepare('first', task)
    const [path = ''] = paths.values()
    expect(path).toBe(`${machine.home}/var/lib/volumes/testing/data`)
    const shown = await machine.run('findmnt', ['-no', 'FSTYPE,SIZE', dirname(path)])
    expect(shown.stdout).toMatch(/^xfs +(5|4\.9)G\n$/)
    const other = { ...task, DVDI_VOLUME_NAME: 'Testing' }
    expect(await module.prepare('second', other)).toEqual(paths)
    await module.cleanup('first', task)
    expect((await machine.run('findmnt', [dirname(path)])).status).toBe(0)
    await module.cleanup('second', other)
    await expectNothingLeft(machine, { volumes: ['testing'] })
    expect(module.lines).toEqual([
      'dvdcli mount --volumedriver=rexray --volumename=testing  --volumeopts=size=5 --volumeopts=iops=150 ' +
        '--volumeopts=volumetype=io1 --volumeopts=newfstype=xfs --volumeopts=overwritefs=false',
      'dvdcli unmount --volumedriver=rexray --volumename=Testing',
    ])
  })

  test('mounts ten volumes for one task', async () => {
    const module = new MesosModule(machine)
    const slots = ['', ...'123456789']
    const variables = Object.fromEntries(
      slots.flatMap((slot) => [
        [`DVDI_VOLUME_NAME${slot}`, `slot${slot || 0}`],
        [`DVDI_VOLUME_DRIVER${slot}`, 'rexray'],
        [`DVDI_VOLUME_OPTS${slot}`, 'size=1'],
      ]),
    )
    const paths = await module.prepare('task', variables)
    expect([...paths.values()]).toEqual(
      [...'0123456789'].map((slot) => `${machine.home}/var/lib/volumes/slot${slot}/data`),
    )
    await module.cleanup('task', variables)
    await expectNothingLeft(machine, { volumes: [...'0123456789'].map((slot) => `slot${slot}`) })
  })

  test('makes no volume under --explicitCreate=true, and mounts one that is there', async () => {
    const module = new MesosModule(machine)
    const task = { DVDI_VOLUME_NAME: 'data', DVDI_VOLUME_EXPLICITCREATE: 'true' }
    await expect(module.prepare('task', task)).rejects.toThrow('Failed to mount')
    expect(module.lines.at(-1)).toContain(' --explicitCreate=true')
    expect(await expectSuccess(server, 'List')).toMatchObject({ Volumes: [] })
    await expectSuccess(server, 'Create', { Name: 'data', Opts: { size: '1' } })
    expect([...(await module.prepare('task', task)).values()]).toHaveLength(1)
  })
})

test('Marathon’s app of docs/mesos.md runs as it is printed, and runs again on the same volumes', async () => {
  const [, printed = ''] = /```json\n(.*?)```/s.exec(documentAt('docs/mesos.md').text) ?? []
  const app: MarathonApp = JSON.parse(printed)
  const volumes = volumesOf(app).map((volume) => at(volume, `sandbox/${volume.containerPath}`))
  const agent = new MesosAgent(machine)
  for (const run of [1, 2]) {
    const container = await agent.launch(`run${run}`, volumes)
    await container.sh(`cd ${inside('sandbox')} && ${app.cmd?.replace('sleep 3600', 'sync')}`)
    const lines = await container.sh(`wc -l < ${inside('sandbox/first/log')}`)
    expect(lines).toBe(String(run))
    await container.kill()
    await agent.finish(`run${run}`)
  }
  await expectNothingLeft(machine, { volumes: ['firstvolume', 'secondvolume'] })
})

test('a caller that stops reading loses nothing but its output', async () => {
  await new MesosAgent(machine).dvdcli('create', ...to)
  const cut = await machine.run(
    'sh',
    ['-c', `dvdcli mount ${to.join(' ')} | true`],
    agentEnvironment(machine),
  )
  expect(cut.status).toBe(0)
  await eventually('the mount', () => existsSync(machine.path(inside('var/lib/volumes/data/data'))))
})

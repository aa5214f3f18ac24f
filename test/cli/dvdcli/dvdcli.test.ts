import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runDvdcli } from '../../../src/cli/dvdcli/dvdcli.ts'
import { type Refusal, type SmallAnswer, SmallPlugin } from '../../support/small-plugin.ts'

let root: string
let plugin: SmallPlugin
beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'dvdcli-'))
  mkdirSync(path.join(root, 'run/docker/plugins'), { recursive: true })
  plugin = new SmallPlugin()
  await plugin.listen(path.join(root, 'run/docker/plugins/rexray.sock'))
})
afterEach(async () => {
  await plugin.close()
  rmSync(root, { recursive: true, force: true })
})

interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

async function dvdcli(...args: string[]): Promise<Ran> {
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const status = await runDvdcli(args, {
    scriptPath: '/usr/bin/dvdcli',
    stdout: { write: (text) => stdout.push(text) },
    stderr: { write: (text) => stderr.push(text) },
    roots: [root],
  })
  return { status, stdout: stdout.join(''), stderr: stderr.join('') }
}

/** The call with all that it said, as a page; times and what is of this machine are left out. */
async function page(line: string): Promise<string> {
  plugin.calls.length = 0
  const { status, stdout, stderr } = await dvdcli(...line.split(' ').slice(1))
  const parts = [
    `$ ${line}`,
    '--- calls',
    ...plugin.transcript(),
    '--- stdout',
    stdout,
    '--- stderr',
    stderr.replaceAll(/^time="[\d:TZ-]+"/gm, 'time="…"'),
    `--- exit ${status}`,
  ]
  return `${parts
    .map((part) => part.trimEnd())
    .filter((part) => part !== '')
    .join('\n')}\n`.replace(/^OsArch: .*$/m, 'OsArch: …')
}

const to = '--volumedriver=rexray --volumename=data'
const commands: readonly { name: string; line: string; has?: 'unmounted' | 'mounted' }[] = [
  { name: 'create', line: `dvdcli create ${to} --volumeopts=size=5 --volumeopts=newFsType=xfs` },
  { name: 'create-no-options', line: `dvdcli create ${to}` },
  { name: 'remove', line: `dvdcli remove ${to}`, has: 'unmounted' },
  { name: 'remove-missing', line: `dvdcli remove ${to}` },
  { name: 'mount', line: `dvdcli mount ${to} --volumeopts=size=5`, has: 'unmounted' },
  { name: 'mount-new', line: `dvdcli mount ${to} --volumeopts=size=5,iops=150` },
  { name: 'mount-explicit', line: `dvdcli mount ${to} --explicitCreate=true` },
  { name: 'unmount', line: `dvdcli unmount ${to}`, has: 'mounted' },
  { name: 'unmount-missing', line: `dvdcli unmount ${to}` },
  { name: 'path', line: `dvdcli path ${to}`, has: 'mounted' },
  { name: 'path-unmounted', line: `dvdcli path ${to}`, has: 'unmounted' },
  { name: 'get', line: `dvdcli get ${to}`, has: 'unmounted' },
  { name: 'get-missing', line: `dvdcli get ${to}` },
  { name: 'list', line: 'dvdcli list --volumedriver=rexray', has: 'mounted' },
  { name: 'list-none', line: 'dvdcli list --volumedriver rexray' },
  { name: 'version', line: 'dvdcli version' },
  { name: 'help', line: 'dvdcli help' },
  { name: 'none', line: 'dvdcli' },
  { name: 'unknown-command', line: `dvdcli umount ${to}` },
  { name: 'unknown-flag', line: `dvdcli mount ${to} --readonly` },
  { name: 'no-driver', line: 'dvdcli mount --volumename=data' },
  { name: 'no-name', line: 'dvdcli mount --volumedriver=rexray' },
  { name: 'no-value', line: `dvdcli mount ${to} --volumeopts=novalue` },
]

test.each(commands)('$line, byte by byte ($name)', async ({ name, line, has }) => {
  if (has) plugin.volumes.set('data', { options: {}, mounted: has === 'mounted' })
  await expect(await page(line)).toMatchFileSnapshot(`../golden/dvdcli-${name}.txt`)
})

describe('each command', () => {
  const verbs = ['create', 'remove', 'mount', 'unmount', 'path', 'get', 'list']

  test.each(verbs)('%s of a plugin that refuses prints nothing, and exits with 1', async (verb) => {
    plugin.volumes.set('data', { options: {}, mounted: false })
    plugin.next.push({ text: '{"Implements":["VolumeDriver"]}' })
    if (!['create', 'list', 'get'].includes(verb)) plugin.next.push({ text: '{"Volume":{}}' })
    plugin.next.push({ status: 500, text: '{"Err":"the disk is on fire"}' })
    const { status, stdout, stderr } = await dvdcli(verb, ...to.split(' '))
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(
      /level=error msg="the disk is on fire" volumeDriver=rexray volumeName=data\n$/,
    )
  })

  test.each(verbs)('%s of what serves no volumes asks nothing else', async (verb) => {
    plugin.next.push({ text: '{"Implements":["authz"]}' })
    const { status, stderr } = await dvdcli(verb, ...to.split(' '))
    expect(status).toBe(1)
    expect(stderr).toContain('plugin \\"rexray\\" serves no volumes')
    expect(plugin.transcript()).toEqual(['Plugin.Activate'])
  })
})

describe('a mount', () => {
  const refusals: readonly Refusal[] = ['status 500 and Err', 'status 200 and Err', 'plain text']
  test.each(refusals)('makes a volume that its plugin misses with %s', async (refusal) => {
    plugin.refusal = refusal
    const { status, stdout } = await dvdcli('mount', ...to.split(' '), '--volumeopts=size=5')
    expect({ status, stdout }).toEqual({ status: 0, stdout: '/mnt/data\n' })
    expect(plugin.volumes.get('data')?.options).toEqual({ size: '5' })
  })

  const missing: readonly SmallAnswer[] = [
    { text: '{}' },
    { text: '{"Volume":null}' },
    { status: 404, text: 'page not found' },
  ]
  test.each(missing)('takes %j to a Get for a volume that is not there', async (answer) => {
    plugin.next.push({ text: '{"Implements":["VolumeDriver"]}' }, answer)
    expect(await dvdcli('mount', ...to.split(' '))).toMatchObject({ stdout: '/mnt/data\n' })
    plugin.next.push({ text: '{"Implements":["VolumeDriver"]}' }, answer)
    expect(await dvdcli('unmount', ...to.split(' '))).toMatchObject({ status: 1 })
  })

  test('makes no volume while a Get breaks off: it may be there', async () => {
    plugin.next.push({ text: '{"Implements":["VolumeDriver"]}' }, 'answer half')
    expect(await dvdcli('mount', ...to.split(' '))).toMatchObject({ status: 1, stdout: '' })
    expect(plugin.volumes.size).toBe(0)
  })

  test('whose reply has no path is a failure, for the caller would bind it to nothing', async () => {
    plugin.volumes.set('data', { options: {}, mounted: false })
    plugin.next.push(
      ...['{"Implements":["VolumeDriver"]}', '{"Volume":{"Name":"data"}}', '{}'].map((text) => ({
        text,
      })),
    )
    const { status, stdout, stderr } = await dvdcli('mount', ...to.split(' '))
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain('which did not say where, see its log')
  })
})

test('a volume is shown by the name that its plugin gives it', async () => {
  plugin.next.push(
    { text: '{"Implements":["VolumeDriver"]}' },
    { text: '{"Volume":{"Name":"Data"}}' },
  )
  expect(await dvdcli('get', ...to.split(' '))).toMatchObject({ status: 0, stdout: 'Data\n' })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { median } from './load.mjs'
import { environment, makeHome, program, removeHome } from './servers.mjs'

export const title = 'The doctor'

const ROUNDS = 5
const LIMIT_MS = 10_000
const TOOLS = ['stat', 'realpath', 'tail', 'cat', 'mount', 'timedatectl', 'losetup']
/** What tells a machine of EBS where it is, so that AWS itself is asked. */
const PLACED = 'region: us-east-1, availabilityZone: us-east-1a, instanceId: i-0123456789abcdef0'
const KEY = 'accessKey: AKIAIOSFODNN7EXAMPLE, secretKey: none'
const AWS = ['EC2', 'STS', 'IAM', 'KMS', 'SSM']
/** What those of AWS say that do not hang: that there is nothing, and who asks. */
const ANSWERS = {
  EC2: '<Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId></Response>',
  STS: `<Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
    <Arn>arn:aws:iam::123456789012:user/me</Arn><Account>123456789012</Account>
    </GetCallerIdentityResult></Response>`,
}

/**
 * `remora doctor` on a machine that is well, and where what it asks accepts and never answers: the disks, tools and sockets of
 * the machine, the metadata service, AWS, VirtualBox, and all of them at once.
 */
export async function run() {
  const well = []
  for (let round = 0; round < ROUNDS; round++) well.push(await examined([service('vfs')], []))
  const rows = [{ what: 'doctor, all is well', ours: `${median(well).toFixed(0)} ms` }]
  for (const [what, services, asked, more] of HANGING) {
    const tookMs = await examined(services, asked, more)
    rows.push({
      what: `doctor, ${what} hangs`,
      ours: `${(tookMs / 1_000).toFixed(1)} s`,
      target: { text: '<= 10 s', met: tookMs <= LIMIT_MS },
    })
  }
  return rows
}

const METADATA = ['ebs', '']
const CONFIGURED = ['ebs', `${PLACED}, ${KEY}, `]
const OF_A_ROLE = ['ebs', `${PLACED}, `]
const VIRTUALBOX = ['virtualbox', 'volumePath: /volumes, ']

/** What hangs, the services that want it, which of the endpoints have to be asked then, and what else is to be said. */
const HANGING = [
  ['this machine', [service('vfs')], ['socket'], { machine: true }],
  ['the metadata service', [service(...METADATA)], ['metadata']],
  ['AWS, with a key', [service(...CONFIGURED)], ['EC2', 'STS']],
  ['AWS, with a role', [service(...OF_A_ROLE)], ['EC2', 'metadata']],
  ['IAM', [service(...CONFIGURED)], ['IAM'], { answering: ['EC2', 'STS'] }],
  ['vboxwebsrv', [service(...VIRTUALBOX)], ['vboxwebsrv']],
  [
    'everything',
    [
      service('vfs'),
      ...[METADATA, CONFIGURED, OF_A_ROLE, VIRTUALBOX].map((one) => service(...one)),
    ],
    ['socket', 'metadata', 'EC2', 'vboxwebsrv'],
    { machine: true },
  ],
]

/** A service of a driver in the configuration, where these endpoints listen. */
function service(driver, keys = '') {
  return (at) => {
    const own = {
      vfs: '',
      ebs: `endpoint: ${at.EC2}, metadataEndpoint: ${at.metadata}`,
      virtualbox: `endpoint: ${at.vboxwebsrv}`,
    }
    return `{driver: ${driver}, ${driver}: {${keys}${own[driver]}}}`
  }
}

/** How long the doctor takes; rejects where it is not asked what has to be, or where it says what it should not. */
async function examined(services, asked, { machine = false, answering = [] } = {}) {
  const home = makeHome()
  const world = new SilentWorld(home, answering)
  try {
    const at = await world.open(machine)
    configure(
      home,
      services.map((one) => one(at)),
    )
    const env = { ...environment(home), ...awsEnvironment(at) }
    if (machine) env.PATH = `${hangingTools(home)}:${process.env.PATH}`
    const tookMs = await runMs(env)
    const silent = asked.filter((name) => !world.asked.has(name))
    if (silent.length > 0) throw new Error(`the doctor did not ask ${silent}`)
    return tookMs
  } finally {
    await world.close()
    await removeHome(home)
  }
}

function configure(home, services) {
  mkdirSync(join(home, 'etc'), { recursive: true })
  const lines = services.map((text, index) => `      service${index}: ${text}\n`)
  writeFileSync(
    join(home, 'etc/config.yml'),
    `libstorage:\n  service: service0\n  server:\n    services:\n${lines.join('')}`,
  )
}

/** Where the SDK finds the services of AWS that have no key of their own, and no credentials but those of a role. */
function awsEnvironment(at) {
  const urls = AWS.map((name) => [`AWS_ENDPOINT_URL_${name}`, at[name]])
  return {
    ...Object.fromEntries(urls),
    AWS_EC2_METADATA_SERVICE_ENDPOINT: at.metadata,
    AWS_CONFIG_FILE: '/nonexistent',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
  }
}

/** Servers that accept and never answer, and an engine of whose machine nothing is told. */
class SilentWorld {
  #home
  #answering
  #servers = []
  #engine
  /** The names of those that somebody has come to. */
  asked = new Set()

  constructor(home, answering) {
    this.#home = home
    this.#answering = answering
  }

  /** Resolves with their URLs, by name. */
  async open(isMachineHanging) {
    if (isMachineHanging) {
      mkdirSync(join(this.#home, 'run/docker/plugins'), { recursive: true })
      await this.#listen('socket', join(this.#home, 'run/docker/plugins/rexray.sock'))
      const engine = join(this.#home, 'dockerd')
      copyFileSync('/bin/sleep', engine)
      this.#engine = spawn(engine, ['600'], { stdio: 'ignore' })
    }
    const at = {}
    for (const name of [...AWS, 'metadata', 'vboxwebsrv'])
      at[name] = `http://127.0.0.1:${(await this.#listen(name, 0)).port}`
    return at
  }

  async #listen(name, place) {
    const server = createServer((_request, reply) => {
      this.asked.add(name)
      if (this.#answering.includes(name)) reply.end(ANSWERS[name])
    })
    this.#servers.push(server)
    await new Promise((resolve) =>
      server.listen(...(place === 0 ? [0, '127.0.0.1'] : [place]), resolve),
    )
    return server.address()
  }

  async close() {
    for (const server of this.#servers) {
      server.closeAllConnections()
      server.close()
    }
    if (this.#engine?.exitCode === null) {
      this.#engine.kill('SIGKILL')
      await once(this.#engine, 'exit')
    }
  }
}

/** Tools that never end, as on a disk that hangs. */
function hangingTools(home) {
  const folder = join(home, 'bin')
  mkdirSync(folder)
  for (const name of TOOLS) {
    writeFileSync(join(folder, name), '#!/bin/sh\nexec sleep 30\n')
    chmodSync(join(folder, name), 0o755)
  }
  return folder
}

async function runMs(env) {
  const began = performance.now()
  const stdio = ['ignore', 'ignore', 'pipe']
  const child = spawn(process.execPath, [program, 'doctor'], { env, stdio })
  let errors = ''
  child.stderr.on('data', (part) => {
    errors += part
  })
  const [status] = await once(child, 'close')
  if (status === null || errors !== '') throw new Error(`the doctor said ${errors}`)
  return performance.now() - began
}

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const child = fileURLToPath(new URL('code-cache-child.mjs', import.meta.url))

/** A service of each kind that any user may open; nobody answers at the endpoints. */
const CONFIGURATION = `
rexray:
  logLevel: error
  modules:
    default-docker: { libstorage: { service: files } }
libstorage:
  server:
    services:
      files: { driver: vfs }
      cloud:
        driver: ebs
        ebs:
          accessKey: none
          secretKey: none
          region: us-east-1
          availabilityZone: us-east-1a
          endpoint: http://127.0.0.1:9
          metadataEndpoint: http://127.0.0.1:9
          maxRetries: 0
`

/** What is run so that V8 compiles what usual calls need, each as a process of its own; the last runs nothing. */
const RUNS = [['start'], ['volume', 'ls', '-s', 'cloud'], ['volume', 'ls'], []]
const LIMIT_MS = 30_000

/**
 * Puts beside each file of a built program the code that V8 makes of it, so that a start need not make it again. It is that
 * of the node that runs this: every other leaves it unread. Says where that fails: the program starts slower without.
 */
export function makeCodeCache(dist) {
  const home = mkdtempSync(join(tmpdir(), 'remora-'))
  try {
    mkdirSync(join(home, 'etc'))
    writeFileSync(join(home, 'etc/config.yml'), CONFIGURATION)
    for (const args of RUNS) runOnce(dist, home, args)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

function runOnce(dist, home, args) {
  const { status, stderr, error } = spawnSync(process.execPath, [child, dist, ...args], {
    env: { PATH: process.env['PATH'], REXRAY_HOME: home },
    encoding: 'utf8',
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  // Nobody answers for the cloud.
  if (status === 0 || (status !== null && args.includes('cloud'))) return
  const why = [error?.message ?? `status ${status}`, stderr.trim()].join(' ').trim()
  console.warn(`no code of \`${args.join(' ')}\` is kept, the program starts slower: ${why}`)
}

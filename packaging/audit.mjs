import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { put } from './tree.mjs'

const IN_TIME = ['--no-offline', '--fetch-retries=0', '--fetch-timeout=30000']

/**
 * Writes `audit.txt`, what is publicly known against the packages that the program is bundled of. An advisory that
 * audit-explained.json does not say a sentence about is an error. Where no registry answers it says that nobody was asked.
 */
export function writeAudit(project, output) {
  const { stdout } = spawnSync(
    'npm',
    ['audit', '--package-lock-only', '--omit', 'dev', '--json', ...IN_TIME],
    { cwd: project, encoding: 'utf8' },
  )
  const { vulnerabilities, ...rest } = JSON.parse(stdout || '{}')
  if (vulnerabilities === undefined) {
    const text = `NOT AUDITED: the registry did not answer npm audit (${whyNot(rest)}).\n`
    process.stderr.write(text)
    put(output, 'audit.txt', text)
    return
  }
  const explained = JSON.parse(
    readFileSync(join(project, 'packaging/audit-explained.json'), 'utf8'),
  )
  const advisories = advisoriesIn(vulnerabilities)
  const open = advisories.filter(({ id }) => explained[id] === undefined)
  if (open.length > 0)
    throw new Error(
      `there are advisories:\n  ${open.map(({ text }) => text).join('\n  ')}\nupdate the packages, or say in packaging/audit-explained.json why Remora is not affected`,
    )
  const lines = advisories.map(({ id, text }) => `${text}\n  ${explained[id]}\n`)
  put(output, 'audit.txt', lines.join('') || 'npm audit: nothing is known against any package.\n')
}

/** Without the address that was asked. */
function whyNot({ statusCode, error }) {
  return statusCode ?? error?.code ?? 'no reason was given'
}

function advisoriesIn(vulnerabilities) {
  const found = Object.values(vulnerabilities)
    .flatMap(({ via }) => via)
    .filter((cause) => typeof cause === 'object')
    .map(({ url, name, severity, title }) => {
      const id = url.split('/').at(-1)
      return [id, { id, text: `${id} (${severity}), ${name}: ${title}` }]
    })
  return [...new Map(found).values()].sort((a, b) => a.id.localeCompare(b.id))
}

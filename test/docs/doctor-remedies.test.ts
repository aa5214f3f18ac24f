import { expect, test } from 'vitest'
import { type Document, documentAt, sectionOf, sourceFiles } from '../support/documents.ts'

const page = documentAt('docs/doctor.md')
const headings = [...page.text.matchAll(/^### `(.+)`$/gm)].map((match) => match[1] ?? '')

/** What remedies tell people to run; a line of a remedy that begins with anything else is a sentence. */
const PROGRAMS = [
  ...[
    'remora',
    'docker',
    'aws',
    'curl',
    'timedatectl',
    'systemctl',
    'apt-get',
    'modprobe',
    'dmesg',
  ],
  ...[
    'mount(?= -)',
    'umount',
    'findmnt',
    'fuser',
    'losetup',
    'e2fsck',
    'xfs_repair',
    'btrfs',
    'mkfs',
  ],
  ...['ls', 'du', 'mkdir', 'kill', 'ss'],
]
const COMMAND = new RegExp(
  `(?:^|: |\\bor |&& )(?:sudo )?(?<said>(?:${PROGRAMS.join('|')})(?: -*[a-z][\\w-]*)+)`,
  'g',
)
const CHECK = /^(?:machine|service|volumes?|[a-z]+)\.[a-z-]+$/

/** Files that say what mends it for the checks of others. */
const HELPERS: Readonly<Record<string, string>> = {
  'src/doctor/machine/engine-sockets.ts': 'machine.engine',
  'src/doctor/volumes/repair.ts': 'volumes.file-systems',
  'src/doctor/volumes/stuck.ts': 'volumes.attached',
  'src/providers/ebs/checks/judgement.ts': 'ebs.permissions',
  'src/providers/ebs/checks/refusals.ts': 'ebs.caller',
}

/** The lines of the texts in a source, with … for what is filled in; what stands between texts begins with no command. */
function linesIn({ text }: Document): readonly string[] {
  const code = text.replace(/^\s*(?:\/\/|\/?\*).*$/gm, '')
  return code.replace(/\$\{[^{}`]*\}/g, '…').split(/['`\n]|\\n/)
}

function checksIn(file: Document): readonly string[] {
  const named = [...file.text.matchAll(/\bid: ['`](?<id>[^'`]+)['`]/g)].map(
    ({ groups }) => groups?.['id'] ?? '',
  )
  if (named.some((id) => id.endsWith('}.pool'))) return ['loop.pool', 'vfs.pool']
  const helped = HELPERS[file.path]
  return [...named.filter((id) => CHECK.test(id)), ...(helped === undefined ? [] : [helped])]
}

function commandsIn(lines: readonly string[]): readonly string[] {
  const all = lines.flatMap((line) => [...line.matchAll(COMMAND)])
  return [...new Set(all.map(({ groups }) => groups?.['said'] ?? ''))]
}

/** What a section has in code marks, in one line. */
function codeIn(section: string): string {
  return section.replace(/\n/g, ' ').replaceAll('`sudo ', '`')
}

const files = sourceFiles().filter(({ path }) =>
  /^src\/(?:doctor\/(?:machine|volumes|story|service)|providers\/\w+\/checks)/.test(path),
)
const printed = files
  .map((file) => ({ file: file.path, checks: checksIn(file), commands: commandsIn(linesIn(file)) }))
  .filter(({ commands }) => commands.length > 0)

test('what is printed is found in the sources', () => {
  const all = printed.flatMap(({ commands }) => commands)
  expect(printed.filter(({ checks }) => checks.length === 0)).toEqual([])
  expect(all).toEqual(
    expect.arrayContaining(['remora volume detach', 'timedatectl set-ntp true', 'fuser -vm']),
  )
})

test('every command that a check prints stands in its section', () => {
  const lacking = printed.flatMap(({ checks, commands }) => {
    const code = codeIn(checks.map((id) => sectionOf(page, `\`${id}\``)).join('\n'))
    return commands.flatMap((command) =>
      code.includes(`\`${command}`) ? [] : `${checks}: ${command}`,
    )
  })
  expect(lacking).toEqual([])
})

test('every command that a section names is printed by a check of it', () => {
  const foreign = headings.flatMap((id) => {
    const [, remedy = ''] = codeIn(sectionOf(page, `\`${id}\``)).split('*Remedy:*')
    const own = printed.filter(({ checks }) => checks.includes(id))
    const known = own.flatMap(({ commands }) => commands)
    const named = [...remedy.matchAll(/`([^`]+)`/g)].flatMap((match) =>
      commandsIn([match[1] ?? '']),
    )
    return named
      .filter((command) => !known.some((one) => command.startsWith(one)))
      .map((command) => `${id}: ${command}`)
  })
  expect(foreign).toEqual([])
})

test('every section says what to do, or that there is nothing to do', () => {
  const silent = headings.filter(
    (id) => !/\*Remedy:\*|always\s+`ok`/.test(sectionOf(page, `\`${id}\``)),
  )
  expect(silent).toEqual([])
})

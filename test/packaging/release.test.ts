import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ProjectCopy } from '../support/project-copy.ts'
import { SmallRegistry } from '../support/small-registry.ts'

describe('a release', () => {
  let project: ProjectCopy
  beforeEach(() => {
    project = new ProjectCopy()
  })
  afterEach(() => project.remove())

  test('is refused with all that is missing at once, and the former one stays', async () => {
    mkdirSync(join(project.folder, 'release'))
    project.write('release/of-before', '')
    project.write('src/main.ts', '')
    expect(await project.build('release')).toEqual({
      status: 1,
      stdout: '',
      stderr: `release: not from here:
  M src/main.ts is not committed
  this commit has no tag v${project.version}
  CHANGELOG.md says nothing under "## [${project.version}]"
`,
    })
    expect(existsSync(join(project.folder, 'release/of-before'))).toBe(true)
    expect(existsSync(join(project.folder, 'release.new'))).toBe(false)
  })

  test('is refused where the tag is of another commit or version', async () => {
    project.tag()
    project.git('tag', 'v99.0.0')
    project.write('another', '')
    project.commit()
    const { status, stderr } = await project.build('release')
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `release: not from here:\n  this commit has no tag v${project.version}\n`,
    })
  })

  test('is refused where the section of the changelog is empty', async () => {
    const log = project.read('CHANGELOG.md')
    const section = `## [${project.version}]\n\n## [0.0.1]\n`
    project.write('CHANGELOG.md', log.replace('## [Unreleased]\n', `## [Unreleased]\n\n${section}`))
    project.commit()
    project.git('tag', `v${project.version}`)
    expect((await project.build('release')).stderr).toBe(
      `release: not from here:\n  CHANGELOG.md says nothing under "## [${project.version}]"\n`,
    )
  })
})

describe('the audit', () => {
  let project: ProjectCopy
  beforeAll(() => {
    project = new ProjectCopy()
  })
  afterAll(() => project.remove())

  let registry: SmallRegistry
  beforeEach(async () => {
    registry = await SmallRegistry.start()
    rmSync(join(project.folder, 'audit.txt'), { force: true })
  })
  afterEach(() => registry.close())

  const advisory = {
    id: 1,
    url: 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc',
    title: 'Requests may be long',
    severity: 'high',
    vulnerable_versions: '*',
  }

  async function audit() {
    const work = `import { writeAudit } from './packaging/audit.mjs'
      try { writeAudit('.', '.') } catch ({ message }) { console.log(message); process.exit(3) }`
    const outcome = await project.node(['--input-type=module', '--eval', work], {
      npm_config_registry: registry.url,
    })
    const written = existsSync(join(project.folder, 'audit.txt')) ? project.read('audit.txt') : ''
    return { ...outcome, written }
  }

  test('says that nothing is known', async () => {
    expect(await audit()).toMatchObject({
      status: 0,
      written: 'npm audit: nothing is known against any package.\n',
    })
    expect(registry.asked()).toEqual(expect.arrayContaining(['express', 'yaml', 'zod']))
    expect(registry.asked()).not.toContain('vitest')
  })

  test('says so, on the screen and in the release, where nobody answers, without the address', async () => {
    registry.refuse(405)
    const said = 'NOT AUDITED: the registry did not answer npm audit (405).\n'
    expect(await audit()).toMatchObject({ status: 0, stderr: said, written: said })
  })

  test('stops a release over an advisory that nobody has explained', async () => {
    registry.advise({ express: [advisory] })
    const { status, stdout, written } = await audit()
    expect({ status, written }).toEqual({ status: 3, written: '' })
    expect(stdout).toContain('GHSA-aaaa-bbbb-cccc (high), express: Requests may be long')
    expect(stdout).toContain('packaging/audit-explained.json')
  })

  test('shows an advisory with its explanation', async () => {
    registry.advise({ express: [advisory] })
    const why = 'Requests come through a socket of root alone.'
    project.write('packaging/audit-explained.json', JSON.stringify({ 'GHSA-aaaa-bbbb-cccc': why }))
    expect(await audit()).toMatchObject({
      status: 0,
      written: `GHSA-aaaa-bbbb-cccc (high), express: Requests may be long\n  ${why}\n`,
    })
  })
})

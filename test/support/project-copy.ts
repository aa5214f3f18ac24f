import { execFileSync, spawn } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Outcome, outcomeOf, projectDirectory } from './machine.ts'

const LEFT_OUT = ['.git', 'node_modules', 'dist', 'coverage', 'release', 'release.new', 'test']

/** What packages are built of, as a repository of its own with one commit. */
export class ProjectCopy {
  readonly folder: string

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'remora-project-'))
    for (const name of readdirSync(projectDirectory).filter((one) => !LEFT_OUT.includes(one)))
      cpSync(join(projectDirectory, name), join(this.folder, name), { recursive: true })
    symlinkSync(join(projectDirectory, 'node_modules'), join(this.folder, 'node_modules'))
    this.git('init', '--quiet')
    this.commit()
  }

  /** The version that its package.json names. */
  get version(): string {
    const { version } = JSON.parse(this.read('package.json'))
    return version
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text)
  }

  /** Runs git in it; throws where git refuses. */
  git(...args: readonly string[]): void {
    const author = [
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@b.invalid',
      '-c',
      'commit.gpgsign=false',
    ]
    execFileSync('git', [...author, ...args], { cwd: this.folder, stdio: 'ignore' })
  }

  /** Commits all that has changed. */
  commit(): void {
    this.git('add', '--all')
    this.git('commit', '--quiet', '--message', 'a state', '--date', '2026-01-02T03:04:05Z')
  }

  /** Writes a section of the changelog for its version, and commits and tags that: what can be released. */
  tag(): void {
    const log = this.read('CHANGELOG.md')
    const section = `## [${this.version}] - 2026-01-02\n\n### Added\n\n- All of it.\n\n## [0.0.1]\n`
    this.write('CHANGELOG.md', log.replace('## [Unreleased]\n', `## [Unreleased]\n\n${section}`))
    this.commit()
    this.git('tag', `v${this.version}`)
  }

  /** Runs `make packages` or `make release`, without what make brings about. */
  build(what: 'packages' | 'release', env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return this.node(['packaging/main.mjs', what], env)
  }

  node(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const { SOURCE_DATE_EPOCH: _, ...own } = process.env
    return outcomeOf(spawn(process.execPath, args, { cwd: this.folder, env: { ...own, ...env } }))
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

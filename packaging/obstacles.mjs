import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { changesOf } from './notes.mjs'
import { run } from './run.mjs'

/** Why what lies here cannot be released, a sentence each: a release is what a tag names, to the letter. */
export function obstaclesTo(project) {
  const git = (...args) => run('git', args, { cwd: project }).trim()
  const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
  const changed = git('status', '--porcelain').split('\n').filter(Boolean)
  const tags = git('tag', '--points-at', 'HEAD').split('\n')
  return [
    ...changed.map((file) => `${file.trim()} is not committed`),
    ...(tags.includes(`v${version}`) ? [] : [`this commit has no tag v${version}`]),
    ...(changesOf(project, version) === ''
      ? [`CHANGELOG.md says nothing under "## [${version}]"`]
      : []),
  ]
}

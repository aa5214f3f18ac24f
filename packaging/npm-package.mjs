// The npm package: all that the program needs is bundled, so that it asks for no other package.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.mjs'
import { put, putProgram, withStage } from './tree.mjs'

const PAGES = ['README.md', 'CHANGELOG.md', 'LICENSE', 'config.yml.example']

/** Writes `remora-<version>.tgz` into a folder. */
export function writeNpmPackage(project, output) {
  withStage((stage) => {
    const { scripts, dependencies, devDependencies, ...kept } = JSON.parse(
      readFileSync(join(project, 'package.json'), 'utf8'),
    )
    put(stage, 'package.json', `${JSON.stringify(kept, undefined, 2)}\n`)
    for (const page of PAGES) put(stage, page, readFileSync(join(project, page)))
    putProgram(project, stage, 'dist')
    run('npm', ['pack', '--offline', '--ignore-scripts', '--pack-destination', output], {
      cwd: stage,
    })
  })
}

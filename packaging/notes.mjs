import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { put } from './tree.mjs'

/** What the changelog says of a version; empty where it says nothing. */
export function changesOf(project, version) {
  const [, ...sections] = readFileSync(join(project, 'CHANGELOG.md'), 'utf8').split(/^## /m)
  const section = sections.find((text) => text.startsWith(`[${version}]`)) ?? ''
  return section.slice(section.indexOf('\n') + 1).trim()
}

/** Writes `CHANGES.md`, what is new in this version, into a folder. */
export function writeNotes(project, output) {
  const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
  put(output, 'CHANGES.md', `# Remora ${version}\n\n${changesOf(project, version)}\n`)
}

// What the licences of the bundled packages ask for: their names, and their own words.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const RULE = `\n${'-'.repeat(72)}\n\n`

/** The licences of all packages of which a bundle has a part, each text once, behind the names of those that have it. */
export function noticesFor(root, { outputs }) {
  const folders = new Set(
    Object.values(outputs)
      .flatMap(({ inputs }) => Object.entries(inputs))
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .flatMap(([file]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file) ?? []),
  )
  const namesOf = new Map()
  for (const folder of folders) {
    const { name, text } = noticeIn(join(root, folder))
    namesOf.set(text, new Set([...(namesOf.get(text) ?? []), name]))
  }
  const notices = [...namesOf].map(([text, names]) => `${[...names].sort().join('\n')}\n\n${text}`)
  return `${notices.sort().join(RULE).trim()}\n`
}

function noticeIn(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    .sort()
    .map((file) => `${readFileSync(join(folder, file), 'utf8').trim()}\n`)
  return { name: `${name} ${version}, ${license}`, text: texts.join('\n') }
}

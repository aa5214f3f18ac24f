import { isSinceTold } from '../../libstorage/attachment-time.ts'
import type { Finding } from '../../libstorage/check.ts'
import { volumeNamed } from '../../libstorage/errors.ts'
import { quoted } from '../../libstorage/shell.ts'
import { holderNamed } from '../../mount/references.ts'

/** So many findings of one kind are shown; a hundred of them say no more. */
const SHOWN = 20

/** How a time of the past is told: `since 2024-05-06T07:08:09Z (3 h)`; or that nobody tells it. */
export function since(time: string | Date, now: Date): string {
  const began = new Date(time)
  if (!isSinceTold(began)) return 'since a time that its platform does not tell'
  return `since ${began.toISOString().replace(/\.\d+/, '')} (${lasting(now.getTime() - began.getTime())})`
}

/** A length of time in its largest unit, rounded down: `45 s`, `12 min`, `3 h`, `40 days`. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} days`
}

/** Who holds a volume, in words. */
export function holdersText(references: readonly { readonly id: string }[]): string {
  return references.map(({ id }) => holderNamed(id)).join(', ')
}

/** A volume's name as a word of a shell command. */
export function inShell(name: string): string {
  return /^[\w.@%+:,][\w.@%+:,-]*$/.test(name) ? name : `-- ${quoted(name)}`
}

/** What was found, or that nothing was; of very many of one kind the first ones and their number. */
export function allOr(findings: readonly Finding[], nothing: string): readonly Finding[] {
  if (findings.length === 0) return [{ verdict: 'pass', seen: nothing }]
  if (findings.length <= SHOWN) return findings
  const more = findings.length - SHOWN
  const rest: Finding = { verdict: 'warn', seen: `and ${more} more like these` }
  return [...findings.slice(0, SHOWN), rest]
}

/** What a volume is known by; several may have one name, in this zone or in another. */
export interface Known {
  readonly name: string
  readonly id: string
  readonly zone?: string | undefined
}

/** What is said of a volume, which its id and its zone tell from its namesakes. */
export function told({ name, id, zone }: Known, clause: string): string {
  const where = zone === undefined ? id : `${id} in ${zone}`
  return `${volumeNamed(name)} (${where}) ${clause}`
}

/** A thing that is wrong with a volume. */
export function about(
  volume: Known,
  clause: string,
  remedy: string,
  verdict: Finding['verdict'] = 'fail',
): Finding {
  return { verdict, seen: told(volume, clause), remedy }
}

/** The word by which a command means this very volume, whatever else has its name. */
export function meaning({ id }: Pick<Known, 'id'>): string {
  return inShell(id)
}

/** How many there are of something: `1 volume`, `3 volumes`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

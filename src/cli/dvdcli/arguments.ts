import { InvalidArgumentError } from '../../libstorage/errors.ts'
import { nearest } from '../../libstorage/nearest.ts'

/** The commands of dvdcli 0.2. */
export const COMMANDS = [
  'create',
  'remove',
  'mount',
  'unmount',
  'path',
  'get',
  'list',
  'version',
  'help',
] as const

/** What one call of dvdcli asks for. */
export interface DvdcliRequest {
  readonly command: (typeof COMMANDS)[number]
  readonly driver: string
  readonly volume: string
  readonly options: Readonly<Record<string, string>>
  /** A mount makes no volume that is missing. */
  readonly explicitCreate: boolean
}

const FLAGS = ['volumedriver', 'volumename', 'volumeopts', 'explicitcreate', 'help'] as const
type Flag = (typeof FLAGS)[number]
const SHORT: Readonly<Record<string, Flag>> = { h: 'help', '?': 'help' }

/**
 * Reads a command line as dvdcli takes it: flags in any letter case and any place, `--flag=value` or `--flag value`,
 * `--volumeopts` repeated or with commas. Throws `InvalidArgumentError` where the original would print its usage and
 * call that a success.
 */
export function readArguments(args: readonly string[]): DvdcliRequest {
  const { given, words } = split(args)
  const [word = given.has('help') ? 'help' : '', ...rest] = words
  const command = COMMANDS.find((name) => name === word.toLowerCase())
  if (word === '') throw new InvalidArgumentError({ subject: 'the command', problem: 'is missing' })
  if (command === undefined) throw unknown('command', word, COMMANDS)
  if (rest.length > 0 && command !== 'help')
    throw new InvalidArgumentError({
      subject: `argument ${JSON.stringify(rest[0])}`,
      problem: 'belongs to nothing',
      remedy: 'name the volume by --volumename',
    })
  return {
    command: given.has('help') ? 'help' : command,
    driver: given.get('volumedriver')?.at(-1) ?? '',
    volume: given.get('volumename')?.at(-1) ?? '',
    options: readOptions(given.get('volumeopts') ?? []),
    explicitCreate: readTruth(given.get('explicitcreate')?.at(-1) ?? 'false'),
  }
}

function split(args: readonly string[]): { given: Map<Flag, string[]>; words: string[] } {
  const given = new Map<Flag, string[]>()
  const words: string[] = []
  const left = [...args]
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    if (!arg.startsWith('-')) {
      words.push(arg)
      continue
    }
    const { name = '', value } = /^--?(?<name>[^=]*)(?:=(?<value>.*))?$/s.exec(arg)?.groups ?? {}
    const flag = FLAGS.find((known) => known === (SHORT[name] ?? name.toLowerCase()))
    if (flag === undefined) throw unknown('flag', `--${name}`, FLAGS)
    given.set(flag, [...(given.get(flag) ?? []), value ?? valueAfter(flag, left)])
  }
  return { given, words }
}

function valueAfter(flag: Flag, left: string[]): string {
  if (flag === 'explicitcreate' || flag === 'help') return 'true'
  const next = left.shift()
  if (next !== undefined) return next
  throw new InvalidArgumentError({ subject: `flag --${flag}`, problem: 'lacks its value' })
}

/** `a=b,c=d`; a part without `=` belongs to the value before it, as in `mountopts=noatime,nodiratime`. */
function readOptions(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.flatMap(pairsOf))
}

function pairsOf(text: string): readonly (readonly [string, string])[] {
  const joined: string[] = []
  for (const part of text.split(',').filter((one) => one !== '')) {
    const before = part.indexOf('=') > 0 ? undefined : joined.pop()
    joined.push(before === undefined ? part : `${before},${part}`)
  }
  return joined.map((pair) => {
    const at = pair.indexOf('=')
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)]
    throw new InvalidArgumentError({
      subject: `option ${JSON.stringify(pair)}`,
      problem: 'has no value',
      remedy: 'write --volumeopts=name=value',
    })
  })
}

function readTruth(text: string): boolean {
  if (/^(true|t|1)$/i.test(text)) return true
  if (/^(false|f|0)$/i.test(text)) return false
  throw new InvalidArgumentError({
    subject: 'flag --explicitcreate',
    problem: `is ${JSON.stringify(text)}`,
    remedy: 'use true or false',
  })
}

function unknown(kind: string, word: string, known: readonly string[]): InvalidArgumentError {
  const meant = nearest(word.replace(/^--/, ''), known)
  return new InvalidArgumentError({
    subject: `${kind} ${JSON.stringify(word)}`,
    problem: 'is unknown',
    remedy: meant === undefined ? `use one of ${known.join(', ')}` : `did you mean ${meant}?`,
  })
}

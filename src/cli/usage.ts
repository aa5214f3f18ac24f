import type { CommanderError } from 'commander'
import type { SettingFlag } from '../config/setting-flags.ts'

/** What became of commands that versions of REX-Ray had. */
const GONE: Readonly<Record<string, string>> = {
  map: 'of REX-Ray 0.3, see `device ls`',
  module: 'of REX-Ray 0.3, see `adapter types` and `config`',
}

/** A line about a command that was meant and is not here; undefined for any other error. */
export function goneCommand({ code, message }: CommanderError): string | undefined {
  const word = /unknown command '(?<word>[^']*)'/.exec(message)?.groups?.['word']
  const isKnown = code === 'commander.unknownCommand' && word !== undefined
  return isKnown && Object.hasOwn(GONE, word) ? `command ${word} is ${GONE[word]}\n` : undefined
}

/** Whether a help is to say everything. */
export function wantsAll(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  const flags = end < 0 ? args : args.slice(0, end)
  return flags.some((arg) => arg === '-v' || arg === '--verbose')
}

/** What a help says of the flags that set keys of the configuration. */
export function settingsHelp(flags: readonly SettingFlag[]): string {
  const width = Math.max(...flags.map(({ flag }) => flag.length))
  const lines = flags.map(({ flag, why, usual }) => {
    const remark = usual === '' ? '' : ` (default: ${usual})`
    return `  ${flag.padEnd(width)}  ${why}${remark}`
  })
  return ['', 'Settings, each a key of the configuration too:', ...lines].join('\n')
}

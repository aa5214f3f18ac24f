import type { Command, Option } from 'commander'

/** A command line as it is said today. */
export interface ModernArguments {
  readonly args: readonly string[]
  /** What was said as in REX-Ray 0.3, for a warning: `--volumename`. */
  readonly outdated: readonly string[]
}

/** What becomes of a flag of 0.3's that its command does not have: its value is a name, or it says nothing any more. */
const OLD_FLAGS: Readonly<Record<string, 'name' | 'ignored-value' | 'ignored'>> = {
  volumename: 'name',
  volumeid: 'name',
  snapshotid: 'name',
  snapshotname: 'name',
  description: 'ignored-value',
  runasync: 'ignored',
  client: 'ignored',
}

/** Commands that made a thing of the name that the flag says, where we copy what it says. */
const NAMED_BY: Readonly<Record<string, string>> = { 'volume create': 'volumename' }

/** Whether a flag may be one of 0.3's, so that it is none of the configuration. */
export function isOldFlag(flag: string): boolean {
  return Object.hasOwn(OLD_FLAGS, flag.replace(/^--/, '').toLowerCase())
}

/**
 * Says a command line of REX-Ray 0.3 as it is said today: flags in any letter case, and names as flags. A bare `volume`
 * lists, as it did then. What is said today already stays as it is.
 */
export function modernArguments(args: readonly string[], program: Command): ModernArguments {
  const end = args.indexOf('--')
  const reader = new ArgumentReader(program)
  reader.read(end < 0 ? args : args.slice(0, end))
  return reader.modern(end < 0 ? [] : args.slice(end))
}

interface ReadFlag {
  /** As it was said, without its value. */
  readonly said: string
  readonly value: string | undefined
  /** How many of the arguments it takes up. */
  readonly length: number
}

class ArgumentReader {
  #command: Command
  readonly #groups: string[] = []
  readonly #out: string[] = []
  readonly #outdated: string[] = []
  readonly #names: string[] = []
  /** What can be said only when all operands are known. */
  readonly #pending: { readonly flag: ReadFlag; readonly option: Option; readonly at: number }[] =
    []
  #operands = 0
  /** Where the word behind the last command stands, or would. */
  #verbAt = 0

  constructor(program: Command) {
    this.#command = program
  }

  read(args: readonly string[]): void {
    for (let index = 0; index < args.length; ) {
      const arg = args[index] ?? ''
      index +=
        arg.startsWith('-') && arg !== '-' ? this.#flag(arg, args[index + 1]) : this.#word(arg)
    }
  }

  modern(rest: readonly string[]): ModernArguments {
    for (const { flag, option, at } of this.#pending) this.#decide(flag, option, at)
    const isBareGroup = this.#groups.join(' ') === 'volume' && this.#operands === 0
    const asksForHelp = this.#out.some((arg) => ['-?', '--help'].includes(arg))
    if (isBareGroup && !asksForHelp && rest.length === 0) this.#out.splice(this.#verbAt, 0, 'ls')
    const args = [...this.#out, ...this.#asBefore(), ...this.#names, ...rest]
    return { args, outdated: this.#outdated }
  }

  /** A `volume mount` of 0.3 prints the path alone. */
  #asBefore(): readonly string[] {
    const isMount = this.#groups.join(' ') === 'volume mount' && this.#names.length > 0
    const hasForm = this.#out.some((arg) => /^(?:-f|--format|--template)/.test(arg))
    return isMount && !hasForm ? ['--pathOnly'] : []
  }

  #word(arg: string): number {
    const child = this.#command.commands.find(
      (command) => command.name() === arg || command.aliases().includes(arg),
    )
    if (child !== undefined && this.#operands === 0) {
      this.#command = child
      this.#groups.push(child.name())
      this.#verbAt = this.#out.length + 1
    } else this.#operands += 1
    this.#out.push(arg)
    return 1
  }

  #flag(arg: string, next: string | undefined): number {
    const [said = '', ...values] = arg.split('=')
    const option = this.#option(said)
    const inline = values.length > 0 ? values.join('=') : undefined
    const takes = option?.required === true || (option === undefined && this.#takesValue(said))
    const isApart = takes && inline === undefined && next !== undefined
    const flag = { said, value: inline ?? (isApart ? next : undefined), length: isApart ? 2 : 1 }
    this.#translate(flag, option, [arg, ...(isApart ? [next] : [])])
    return flag.length
  }

  #translate(flag: ReadFlag, option: Option | undefined, given: readonly string[]): void {
    const name = flag.said.replace(/^--/, '').toLowerCase()
    if (option === undefined) {
      const meaning = OLD_FLAGS[name]
      if (meaning === undefined || !flag.said.startsWith('--')) this.#out.push(...given)
      else this.#replace(flag, meaning === 'name' ? flag.value : undefined)
    } else if (NAMED_BY[this.#groups.join(' ')] === name) {
      this.#pending.push({ flag, option, at: this.#out.length })
    } else this.#keep(flag, option, this.#out.length)
  }

  /** A name that stands in a flag goes to the names. */
  #replace({ said }: ReadFlag, name: string | undefined): void {
    this.#outdated.push(said)
    if (name !== undefined) this.#names.push(name)
  }

  /** With a name beside it, the flag says what is copied. */
  #decide(flag: ReadFlag, option: Option, at: number): void {
    if (this.#operands === 0) this.#replace(flag, flag.value)
    else this.#keep(flag, option, at)
  }

  #keep({ said, value }: ReadFlag, option: Option, at: number): void {
    const isExact = said === option.long || said === option.short
    if (!isExact) this.#outdated.push(said)
    const flag = isExact ? said : (option.long ?? said)
    const words =
      value === undefined ? [flag] : said.startsWith('--') ? [`${flag}=${value}`] : [flag, value]
    this.#out.splice(at, 0, ...words)
  }

  /** The option of the command, or of one above it, that is meant: said exactly, or in another letter case. */
  #option(said: string): Option | undefined {
    const options = chainOf(this.#command).flatMap((command) => command.options)
    const exact = options.find(({ long, short }) => said === long || said === short)
    if (exact !== undefined || !said.startsWith('--')) return exact
    return options.find(({ long }) => long?.toLowerCase() === said.toLowerCase())
  }

  #takesValue(said: string): boolean {
    const meaning = OLD_FLAGS[said.replace(/^--/, '').toLowerCase()]
    return said.startsWith('--') && meaning !== undefined && meaning !== 'ignored'
  }
}

function chainOf(command: Command): readonly Command[] {
  return command.parent === null ? [command] : [command, ...chainOf(command.parent)]
}

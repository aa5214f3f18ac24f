import { ApiError } from './api-error.ts'

/** The parameters of a request: `Filter.1.Name=x` and the like, as the query protocol of EC2 has them. */
export class Form {
  readonly #values: ReadonlyMap<string, string>

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values
  }

  static parse(body: string): Form {
    return new Form(new Map(new URLSearchParams(body)))
  }

  text(name: string): string | undefined {
    return this.#values.get(name)
  }

  required(name: string): string {
    const text = this.text(name)
    if (text !== undefined && text !== '') return text
    throw new ApiError('MissingParameter', `The request must contain the parameter ${name}`)
  }

  number(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    if (/^-?\d+$/.test(text)) return Number(text)
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${text}) for parameter ${name} is invalid. Integer expected.`,
    )
  }

  flag(name: string): boolean {
    return this.text(name)?.toLowerCase() === 'true'
  }

  /** The texts of `<name>.1`, `<name>.2` … */
  texts(name: string): string[] {
    return this.forms(name).flatMap((one) => one.text('') ?? [])
  }

  /** What stands beneath `<name>.1`, `<name>.2` … */
  forms(name: string): Form[] {
    const groups = new Map<number, Map<string, string>>()
    for (const [key, value] of this.#values) {
      const { index, rest } =
        new RegExp(`^${name}\\.(?<index>\\d+)\\.?(?<rest>.*)$`).exec(key)?.groups ?? {}
      if (index === undefined) continue
      const group = groups.get(Number(index)) ?? new Map<string, string>()
      groups.set(Number(index), group.set(rest ?? '', value))
    }
    return [...groups].sort(([a], [b]) => a - b).map(([, values]) => new Form(values))
  }

  /** The tags for what is made, by the type of resource that they are for. */
  tagsFor(resource: string): Record<string, string> {
    const meant = this.forms('TagSpecification').filter(
      (one) => one.text('ResourceType') === resource,
    )
    return Object.fromEntries(meant.flatMap((one) => one.tags()))
  }

  tags(): (readonly [string, string])[] {
    return this.forms('Tag').map((one) => [one.text('Key') ?? '', one.text('Value') ?? ''] as const)
  }

  /** What makes two requests the same one: all but what says nothing of what is asked. */
  fingerprint(): string {
    const saying = [...this.#values].filter(
      ([key]) => !['ClientToken', 'DryRun', 'Version'].includes(key),
    )
    return JSON.stringify(saying.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  entries(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#values)
  }
}

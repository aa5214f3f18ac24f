import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { COMMANDS, readArguments } from '../../../src/cli/dvdcli/arguments.ts'
import { InvalidArgumentError } from '../../../src/libstorage/errors.ts'

const optionName = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,12}$/)
const optionValue = fc.stringMatching(/^[^,]{0,12}$/s)
const options = fc.dictionary(optionName, optionValue, { maxKeys: 5 })
const word = fc.string({ minLength: 1, maxLength: 20 })

/** The letters of a flag in any case. */
function inAnyCase(flag: string): fc.Arbitrary<string> {
  return fc
    .array(fc.boolean(), { minLength: flag.length, maxLength: flag.length })
    .map((upper) => [...flag].map((c, at) => (upper[at] ? c.toUpperCase() : c)).join(''))
}

/** `--flag=value` or `--flag value`. */
function written(flag: string, value: string): fc.Arbitrary<string[]> {
  return fc
    .tuple(inAnyCase(flag), fc.boolean())
    .map(([name, joined]) => (joined ? [`--${name}=${value}`] : [`--${name}`, value]))
}

describe('a command line', () => {
  test('means the same with flags in any letter case, place and form', () => {
    const lines = fc
      .record({ command: fc.constantFrom(...COMMANDS), driver: word, volume: word, options })
      .chain((meant) =>
        fc
          .tuple(
            fc.constant([meant.command as string]),
            written('volumedriver', meant.driver),
            written('volumename', meant.volume),
            ...Object.entries(meant.options).map(([name, value]) =>
              written('volumeopts', `${name}=${value}`),
            ),
          )
          .chain((parts) => fc.shuffledSubarray(parts, { minLength: parts.length }))
          .map((parts) => ({ meant, args: parts.flat() })),
      )
    fc.assert(
      fc.property(lines, ({ meant, args }) => {
        expect(readArguments(args)).toEqual({ ...meant, explicitCreate: false })
      }),
    )
  })

  test('means the same with its options in one list or in many', () => {
    fc.assert(
      fc.property(options, (meant) => {
        const pairs = Object.entries(meant).map(([name, value]) => `${name}=${value}`)
        const inOne = readArguments(['mount', `--volumeopts=${pairs.join(',')}`])
        expect(inOne.options).toEqual(meant)
      }),
    )
  })

  test('is read or refused with a sentence, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(word, fc.constantFrom('--', '-', '=', '--=', '-h'))),
        (args) => {
          try {
            expect(COMMANDS).toContain(readArguments(args).command)
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidArgumentError)
          }
        },
      ),
    )
  })

  test('of DC/OS is understood to the last option', () => {
    const given = readArguments([
      ...['mount', '--volumedriver=rexray', '--volumename=data'],
      '--volumeopts=size=5,iops=150,volumetype=io1,newfstype=xfs,overwritefs=false',
    ])
    expect(given).toEqual({
      command: 'mount',
      driver: 'rexray',
      volume: 'data',
      options: {
        size: '5',
        iops: '150',
        volumetype: 'io1',
        newfstype: 'xfs',
        overwritefs: 'false',
      },
      explicitCreate: false,
    })
  })
})

describe('an option of a volume', () => {
  test.each([
    ['o=a=b', { o: 'a=b' }],
    ['mountopts=noatime,nodiratime,size=5', { mountopts: 'noatime,nodiratime', size: '5' }],
    ['label=', { label: '' }],
    ['size=1,size=2', { size: '2' }],
    ['__proto__=x', JSON.parse('{"__proto__":"x"}')],
    ['', {}],
  ])('%j is split at its first "="', (text, meant) => {
    expect(readArguments(['create', '--volumeopts', text]).options).toEqual(meant)
  })

  test.each(['novalue', '=5', ',novalue'])('%j is refused, where the original crashed', (text) => {
    expect(() => readArguments(['create', `--volumeopts=${text}`])).toThrow(/write --volumeopts=/)
  })
})

describe('--explicitcreate', () => {
  test.each([
    ['--explicitcreate', true],
    ['--explicitCreate=true', true],
    ['--EXPLICITCREATE=1', true],
    ['--explicitcreate=T', true],
    ['--explicitcreate=false', false],
    ['--explicitcreate=0', false],
  ])('%s is %s', (flag, meant) => {
    expect(readArguments(['mount', flag, '--volumename=data'])).toMatchObject({
      explicitCreate: meant,
      volume: 'data',
    })
  })

  test('takes nothing but a truth value', () => {
    expect(() => readArguments(['mount', '--explicitcreate=yes'])).toThrow(
      'flag --explicitcreate is "yes", use true or false',
    )
  })
})

test.each([
  [[], 'the command is missing'],
  [['mnt'], 'command "mnt" is unknown, did you mean mount?'],
  [['mount', '--volumenam=x'], 'flag "--volumenam" is unknown, did you mean volumename?'],
  [['mount', 'data'], 'argument "data" belongs to nothing, name the volume by --volumename'],
  [['mount', '--volumename'], 'flag --volumename lacks its value'],
])('%j is refused: %s', (args, message) => {
  expect(() => readArguments(args)).toThrow(message)
})

test.each([[['help']], [['help', 'mount']], [['mount', '--help']], [['-h']], [['-?']]])(
  '%j asks for help',
  (args) => {
    expect(readArguments(args).command).toBe('help')
  },
)

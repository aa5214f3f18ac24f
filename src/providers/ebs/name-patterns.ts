import { literal } from './tags.ts'

/** So many letters of a name are spelt in both cases: 128 patterns, of the 200 that EC2 takes in one filter. */
const SPELT = 7
/** So many of them at its beginning; the rest at its end. Names of one account differ there most. */
const SPELT_FIRST = 3

/**
 * Filter values that together fit a name in any letter case behind a prefix. EC2 itself knows only exact letters, so they
 * may fit a few names more, which whoever asks leaves out.
 */
export function anyCasePatterns(prefix: string, name: string): string[] {
  const letters = [...name]
  const cased = letters.flatMap((letter, place) => (/[a-z]/i.test(letter) ? [place] : []))
  const isShort = cased.length <= SPELT
  const ends = [...cased.slice(0, SPELT_FIRST), ...cased.slice(SPELT_FIRST - SPELT)]
  const spelt = new Set(isShort ? cased : ends)
  return letters.reduce<string[]>(
    (patterns, letter, place) =>
      patterns.flatMap((begun) => spellings(letter, spelt.has(place)).map((one) => begun + one)),
    [literal(prefix)],
  )
}

/** Letters beyond ASCII may change their length with their case. */
function spellings(letter: string, isSpelt: boolean): string[] {
  const [lower, upper] = [letter.toLowerCase(), letter.toUpperCase()]
  if (lower === upper) return [literal(letter)]
  if (isSpelt) return [lower, upper]
  return [/[a-z]/i.test(letter) ? '?' : '*']
}

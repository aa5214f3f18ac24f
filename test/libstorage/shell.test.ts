import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { quoted, shellWord } from '../../src/libstorage/shell.ts'

const read = (...words: readonly string[]) =>
  execFileSync('sh', ['-c', `printf '%s\\0' ${words.join(' ')}`], { encoding: 'utf8' })

test.each([
  'plain',
  '',
  'a b',
  "it's",
  "''",
  '$HOME `x` "y"',
  '~/x',
  'a\nb',
  'ü*?[x]',
  '#x',
  '-n;x|y',
])('a shell reads %j as it was', (word) => {
  expect(read(quoted(word), shellWord(word), 'end')).toBe(`${word}\0${word}\0end\0`)
})

test('what needs no quotes has none', () => {
  for (const word of ['/var/lib/rexray/volumes', 'unix:///run/x.sock', 'a@b,c=d+e%f'])
    expect(shellWord(word)).toBe(word)
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileTemplate } from '../../../../src/cli/output/template/template.ts'
import { TemplateError } from '../../../../src/cli/output/template/template-error.ts'
import { TemplateObject, type TemplateValue } from '../../../../src/cli/output/template/values.ts'

function volume(name: string, size: number, zones: readonly string[] = []): TemplateObject {
  return new TemplateObject(
    'a volume',
    { ID: `vol-${name}`, Name: name, Size: size, Zones: zones, Fields: new Map([['a', 'b']]) },
    { name, size },
  )
}

const a = volume('a', 5, ['x', 'y'])
const b = volume('b', 7)
const data = new TemplateObject('the data', { D: [a, b], Nothing: null }, {})

function render(text: string, value: TemplateValue = data): string {
  return compileTemplate(text).render(value)
}

test.each([
  ['plain', 'plain'],
  ['{{.D}}', '[{vol-a a 5 [x y] map[a:b]} {vol-b b 7 [] map[a:b]}]'],
  ['{{range .D}}{{.Name}}={{.Size}} {{end}}', 'a=5 b=7 '],
  ['{{range $i, $v := .D}}{{$i}}{{$v.Name}}{{$.Nothing}};{{end}}', '0a<nil>;1b<nil>;'],
  ['{{range $v := .D}}{{$v.Name}}{{end}}', 'ab'],
  ['{{range .Nothing}}x{{else}}none{{end}}', 'none'],
  ['{{range .D}}{{if eq .Name "a"}}1{{else if gt .Size 6}}2{{else}}3{{end}}{{end}}', '12'],
  ['{{with index .D 1}}{{.Name}}{{end}}', 'b'],
  ['{{with .Nothing}}x{{else}}y{{end}}', 'y'],
  ['{{(index .D 0).Zones}}', '[x y]'],
  ['{{index (index .D 0).Zones 1}}', 'y'],
  ['{{len .D}} {{len "äb"}}', '2 3'],
  [
    '{{range .D}}{{printf "%-4s|%3d|%q" .Name .Size .ID}}\n{{end}}',
    'a   |  5|"vol-a"\nb   |  7|"vol-b"\n',
  ],
  ['{{.D | len | printf "%03d"}}', '002'],
  ['{{range .D}}{{.Zones | join ","}}{{join .Zones "+"}};{{end}}', 'x,yx+y;;'],
  ['{{range sort .D "Size" "desc"}}{{.Name}}{{end}}', 'ba'],
  ['{{range where .D "Size" ">" 5}}{{.Name}}{{end}}', 'b'],
  ['{{range where .D ".Name" "in" "xa"}}{{.Name}}{{end}}', 'a'],
  ['{{json .D}}', '[{"name":"a","size":5},{"name":"b","size":7}]'],
  ['{{index .D 0 | jsonp}}', '{\n  "name": "a",\n  "size": 5\n}'],
  ['{{(index .D 0).Fields.a}} {{(index .D 0).Fields.none}}', 'b <no value>'],
  ['{{range $k, $v := (index .D 0).Fields}}{{$k}}{{$v}}{{end}}', 'ab'],
  ['a {{- "b" -}} c', 'abc'],
  ['a{{/* nothing */}}b {{- /* nothing */ -}} c', 'abc'],
  ['{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}', '2'],
  ['{{and .D 0}} {{or .Nothing "x"}} {{not .D}}', '0 x false'],
  ['{{if and .Nothing .Nothing.Name}}x{{else}}y{{end}}', 'y'],
  ['{{print "a" 1 2 "b"}}{{println 3}}', 'a1 2b3\n'],
  ["{{printf `%v` 'a'}}", '97'],
  ['{{slice "abc" 1 2}}{{1.5}}{{-3}}{{0x10}}', 'b1.5-316'],
  [
    '{{eq 1 2 3 1}} {{ne "a" "b"}} {{le 1 1}} {{lt "a" "b"}} {{ge 2 1}}',
    'true true true true true',
  ],
  ['{{"tab\\tnewline\\n\\"quoted\\" \\u00e4"}}', 'tab\tnewline\n"quoted" ä'],
  ['{{html "a<b>&\\"\'\\x00ä" 1 2 "b"}}{{html}}', 'a&lt;b&gt;&amp;&#34;&#39;\uFFFDä1 2b'],
  [
    '{{js "it\'s \\"a\\" <b>&=\\n\\x01\\x7f ä € 😀 \\u00a0\\u200b \\\\"}}',
    'it\\\'s \\"a\\" \\u003Cb\\u003E\\u0026\\u003D\\u000A\\u0001\x7f ä € 😀 \\u00A0\\u200B \\\\',
  ],
  [
    '{{"a b&c=d/ä?~-_.*!\'()+%" | urlquery "y"}}{{1 | js}}',
    'ya+b%26c%3Dd%2F%C3%A4%3F~-_.%2A%21%27%28%29%2B%251',
  ],
  ['{{range .D}}{{.Name}}{{break}}{{.ID}}{{end}}.', 'a.'],
  ['{{range .D}}{{if eq .Size 5}}{{continue}}{{end}}{{.Name}}{{end}}.', 'b.'],
  ['{{range .D}}{{with .Size}}{{.}}{{continue}}{{end}}y{{end}}', '57'],
  ['{{range .D}}{{range .Zones}}{{.}}{{break}}{{end}}{{.Name}};{{end}}', 'xa;b;'],
  ['{{range .D}}{{range .Zones}}{{else}}{{continue}}{{end}}{{.Name}}{{end}}', 'a'],
  ['{{range .D}}{{range .Zones}}{{else}}{{break}}{{end}}{{.Name}}{{end}}', 'ab'],
])('%j prints %j', (text, printed) => {
  expect(render(text)).toBe(printed)
})

test.each([
  ['{{.D', 'template line 1, column 1: {{ is never closed, close it with }}'],
  ['a\nb{{range .D}}', 'template line 2, column 2: {{range}} is never ended, end it with {{end}}'],
  ['{{end}}', 'template line 1, column 1: {{end}} belongs to nothing, take it away'],
  [
    '{{if .D}}{{else}}{{else}}{{end}}',
    'template line 1, column 18: a second {{else}}, take it away',
  ],
  ['{{rang .D}}', 'template line 1, column 3: there is no function rang, did you mean range'],
  [
    '{{Somebody}}',
    'template line 1, column 3: there is no function Somebody, write .Somebody for a field',
  ],
  ['{{"x}}', 'template line 1, column 3: the text is never closed, close it with "'],
  ['{{.D | }}', 'template line 1, column 1: a value is missing'],
  ['{{(.D}}', 'template line 1, column 3: ( is never closed, close it with )'],
  ['{{.D)}}', 'template line 1, column 5: ) is not expected'],
  ['{{$x}}', 'template line 1, column 3: there is no variable $x, set it with $x := … first'],
  ['{{ }}', 'template line 1, column 1: {{ }} is empty, say what to print'],
  ['{{.D ; 1}}', 'template line 1, column 6: ; means nothing here'],
  [
    'a {{break}}',
    'template line 1, column 3: {{break}} is in no range, write it between {{range}} and {{end}}',
  ],
  ['{{range .D}}{{else}}{{continue}}{{end}}', 'column 21: {{continue}} is in no range'],
  ['{{range .D}}{{break 1}}{{end}}', 'column 21: nothing may stand behind break'],
  ['{{htm .D}}', 'column 3: there is no function htm, did you mean html'],
  ['{{template "x"}}', 'template line 1, column 1: template is not understood here'],
  [
    "{{'ab'}}",
    "template line 1, column 3: 'ab' is not one character, write texts in double quotes",
  ],
])('%j is refused: %s', (text, message) => {
  expect(() => compileTemplate(text)).toThrow(message)
})

test.each([
  ['{{range .D}}{{.Nmae}}{{end}}', 'column 15: .Nmae is no field of a volume, did you mean .Name'],
  ['{{.D.Name}}', 'column 5: list has no fields, so no .Name'],
  ['{{index .D 2}}', 'column 3: index: there is no element 2 in a list of 2'],
  ['{{len 5}}', 'column 3: len: int has no length'],
  ['{{eq 1 "a"}}', 'column 3: eq: int cannot be compared with string'],
  ['{{range 5}}{{end}}', 'column 1: range cannot go through int'],
  ['{{eq 1}}', 'column 3: eq wants 2 arguments and got 1'],
  ['{{.D .D}}', 'column 3: only a function takes arguments, separate values by |'],
  ['{{sort 5}}', 'column 3: sort: int is no list'],
  ['{{where .D "Size" "~" 1}}', 'column 3: where: ~ is no operator'],
])('%j fails with its place: %s', (text, message) => {
  expect(() => render(text)).toThrow(message)
})

describe('printf', () => {
  test.each([
    ['%5.2f|%+d|%x|%X|%o|%b|%c|%%', [1.005, 3, 255, 255, 8, 5, 65], ' 1.00|+3|ff|FF|10|101|A|%'],
    ['%d %s', ['x', 5], '%!d(string=x) %!s(int=5)'],
    ['%d %d', [1], '1 %!d(MISSING)'],
    ['%d', [1, 'b'], '1%!(EXTRA string=b)'],
    ['%.2s|%-3v|%05d|%t|%T', ['abc', 1, -42, true, 'x'], 'ab|1  |-0042|true|string'],
    ['%y %v', [1, null], '%!y(int=1) <nil>'],
  ])('%s of %j is %s', (format, values, printed) => {
    const args = values.map((_, index) => `(index .Values ${index})`).join(' ')
    const object = new TemplateObject('values', { Format: format, Values: values }, {})
    expect(render(`{{printf .Format ${args}}}`, object)).toBe(printed)
  })
})

describe('whatever stands in a template', () => {
  test('text without braces is printed as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        fc.pre(!text.includes('{{'))
        expect(render(text)).toBe(text)
      }),
    )
  })

  test('a text comes out as it went in, quoted or raw', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const quoted = text.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')
        expect(render(`{{"${quoted}"}}`)).toBe(text)
        fc.pre(!text.includes('`'))
        expect(render(`{{\`${text}\`}}`)).toBe(text)
      }),
    )
  })

  test('a range prints its body once for each element, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (numbers) => {
        const printed = render('{{range $i, $n := .}}{{$i}}:{{$n}} {{else}}none{{end}}', numbers)
        const wanted = numbers.map((number, index) => `${index}:${number} `).join('')
        expect(printed).toBe(numbers.length === 0 ? 'none' : wanted)
      }),
    )
  })

  test('anything made of its words is printed or refused with its place, never a crash', () => {
    const words = fc.constantFrom(
      ...[
        '{{',
        '}}',
        '{{-',
        ' -}}',
        '.',
        '.D',
        '.Name',
        '$',
        '$x',
        ':=',
        '|',
        '(',
        ')',
        '"',
        '`',
        "'",
      ],
      ...[
        'range',
        'if',
        'else',
        'end',
        'with',
        'break',
        'continue',
        'html',
        'index',
        'len',
        'printf',
        'sort',
        'and',
        ' ',
        '\n',
        '1',
        ',',
      ],
      ...['{{range .D}}', '{{end}}', '{{.D}}', '/*', '*/'],
    )
    fc.assert(
      fc.property(fc.array(words, { maxLength: 24 }), (pieces) => {
        try {
          expect(typeof render(pieces.join(''))).toBe('string')
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError)
          expect(String(error)).toMatch(/template line \d+, column \d+: /)
        }
      }),
      { numRuns: 3_000 },
    )
  })
})

import { expect, test } from 'vitest'
import { renderTable } from '../../../src/cli/output/table.ts'

const columns = [
  { heading: 'ID', text: ([id]: string[]) => id ?? '' },
  { heading: 'Name', text: ([, name]: string[]) => name ?? '' },
]

test('columns are as wide as their widest cell and two spaces apart', () => {
  const rows = [
    ['vol-1', 'a'],
    ['v', ''],
  ]

  expect(renderTable(columns, rows, { heading: true })).toBe('ID     Name\nvol-1  a\nv\n')
})

test('without headings their width does not count', () => {
  expect(renderTable(columns, [['1', 'a']], { heading: false })).toBe('1  a\n')
})

test('without rows there are only the headings, or nothing', () => {
  expect(renderTable(columns, [], { heading: true })).toBe('ID  Name\n')
  expect(renderTable(columns, [], { heading: false })).toBe('')
})

test('control characters of a name do not reach the terminal', () => {
  expect(renderTable(columns, [['1', 'a\u001b[2J\nb']], { heading: false })).toBe(
    '1  a\uFFFD[2J\uFFFDb\n',
  )
})

import { expect, test } from 'vitest'
import { run } from '../../src/libstorage/run.ts'
import { openChecks } from '../../src/open-checks.ts'
import { providers } from '../../src/providers/index.ts'
import { documentAt, sectionOf } from '../support/documents.ts'

const page = documentAt('docs/doctor.md')
const documented = [...page.text.matchAll(/^### `(.+)`$/gm)].map((match) => match[1] ?? '')

const context = { service: 'one', libDirectory: '/nowhere', run }
const use = { stopsMachines: true }
const ofDrivers = await Promise.all(
  providers.map(async (one) => (await one.checks?.(one.settings.parse({}), context, use)) ?? []),
)
const input = {
  flags: {},
  env: { REXRAY_HOME: '/nowhere' },
  uid: 0,
  homeDirectory: '/',
  drivers: providers,
  habitat: { kind: 'machine' } as const,
}
const ofMachine = await openChecks(input)
const ofVolume = await openChecks({ ...input, volume: 'data' })
const all = ofMachine.flatMap((group) => group.checks)
const story = ofVolume.flatMap((group) => group.checks)
const checks = [...all, ...story, ...ofDrivers.flat()]

test('every check has its section, and every section its check', () => {
  expect(documented.toSorted()).toEqual([...new Set(checks.map(({ id }) => id))].toSorted())
})

test('every section says something', () => {
  const texts = documented.map((id) => sectionOf(page, `\`${id}\``).split('\n').slice(1).join(''))
  expect(texts.filter((text) => text.length < 40)).toEqual([])
})

test('a check comes after others only that stand before it', () => {
  const machine = ['machine.folders', 'machine.configuration', 'machine.tools', 'service.driver']
  const lists = [
    all,
    story,
    ...ofDrivers.map((own) => [...all.filter(({ id }) => machine.includes(id)), ...own]),
  ]
  const outOfOrder = lists.flatMap((list) => {
    const ids = list.map(({ id }) => id)
    return list.flatMap(({ id, after = [] }) =>
      after.filter((other) => !ids.slice(0, ids.indexOf(id)).includes(other)),
    )
  })
  expect(outOfOrder).toEqual([])
})

test('the ids of a driver begin with its name', () => {
  const foreign = ofDrivers.flatMap((own, index) =>
    own.filter(({ id }) => !id.startsWith(`${providers[index]?.name}.`)),
  )
  expect(foreign).toEqual([])
})

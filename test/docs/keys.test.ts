import { expect, test } from 'vitest'
import {
  type Key,
  moduleKeys,
  operationKeys,
  programKeys,
  serviceKeys,
} from '../../src/config/keys.ts'
import { documentAt } from '../support/documents.ts'

const OPERATIONS = 'libstorage.integration.volume.operations.'
const declared: readonly Key[] = [programKeys, operationKeys, serviceKeys, moduleKeys].flatMap(
  (keys) => Object.values<Key>(keys),
)
const full = declared.flatMap(({ path, older = [] }) => [
  path,
  ...older.flatMap((name) => [name, `rexray.${name}`]),
])
const known = new Set(
  full.flatMap((key) => (key.startsWith(OPERATIONS) ? [key, key.slice(OPERATIONS.length)] : [key])),
)

test.each(['docs/semantics.md', 'docs/operations.md'])(
  '%s names no key that the configuration does not know',
  (page) => {
    const shape =
      /`((?:libstorage|rexray|linux|create|mount|unmount|remove)\.[a-zA-Z.]+?)(?:: \w+)?`/g
    const named = [...documentAt(page).text.matchAll(shape)].map((match) => match[1] ?? '')
    expect(named).not.toEqual([])
    const files = /\.(?:json|yml|sock|env|log|out|pid)$/
    expect(named.filter((key) => !known.has(key) && !files.test(key))).toEqual([])
  },
)

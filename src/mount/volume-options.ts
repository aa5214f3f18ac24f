import { InvalidArgumentError } from '../libstorage/errors.ts'
import { NEW_FILE_SYSTEMS, type NewFileSystem } from '../libstorage/file-system.ts'
import { nearest } from '../libstorage/nearest.ts'
import { parseGiB } from '../libstorage/size.ts'
import type { VolumeSpec } from '../libstorage/types.ts'
import { requireMountOptions } from './mount-options.ts'
import type { MountSettings } from './settings.ts'

/** Every option of `docker volume create -o` that a version of REX-Ray or this program knows, and what it is called here. */
const KNOWN_OPTIONS: Readonly<Record<string, string>> = {
  size: 'size',
  type: 'type',
  volumetype: 'type',
  iops: 'iops',
  throughput: 'throughput',
  tags: 'tags',
  availabilityzone: 'availabilityzone',
  encrypted: 'encrypted',
  encryptionkey: 'encryptionkey',
  kmskeyid: 'encryptionkey',
  fstype: 'fstype',
  newfstype: 'fstype',
  overwritefs: 'overwritefs',
  mountopts: 'mountopts',
  uid: 'uid',
  gid: 'gid',
  mode: 'mode',
  snapshotid: 'snapshotid',
  snapshotname: 'snapshotname',
  volumeid: 'volumeid',
  volumename: 'volumename',
}

/** Options that say what a new volume is a copy of. */
const COPYING = {
  snapshotid: { kind: 'snapshot', by: 'id' },
  snapshotname: { kind: 'snapshot', by: 'name' },
  volumeid: { kind: 'volume', by: 'id' },
  volumename: { kind: 'volume', by: 'name' },
} as const

const ID_MAX = 4_294_967_294
const SIZE_MAX_GIB = 65_536
const MODE = /^0?[0-7]{1,4}$/

/** What is asked of a new volume, before the name is known and what it is a copy of is found. */
export interface RequestedVolume extends Omit<VolumeSpec, 'name' | 'source'> {
  readonly from?: WantedSource
}

/** What a new volume shall be a copy of, as its Create says. */
export interface WantedSource {
  readonly kind: 'snapshot' | 'volume'
  readonly by: 'id' | 'name'
  readonly text: string
  /** False where the copy shall be as large as its source. */
  readonly isSized: boolean
}

/** How a volume is mounted, as its labels say. */
export interface MountWishes {
  readonly fsType: NewFileSystem
  readonly mountOptions: readonly string[]
  readonly uid: number | undefined
  readonly gid: number | undefined
  readonly mode: number | undefined
}

/**
 * Reads the options of a Create, in any letter case, with the configuration's defaults for what is not said. Throws
 * `InvalidArgumentError` that names the option, what is wrong, and what is allowed or nearest.
 */
export function readVolumeOptions(
  options: Readonly<Record<string, string>>,
  defaults: MountSettings['create']['default'],
): RequestedVolume {
  const given = canonical(options)
  const from = readSource(given)
  return {
    sizeGiB: given.has('size') ? readSize(given.get('size') ?? '') : defaults.sizeGiB,
    ...(from === undefined ? {} : { from }),
    ...readPerformance(given, defaults),
    ...readPlacement(given, defaults),
    labels: readLabels(given, defaults.fsType),
  }
}

type Defaults = MountSettings['create']['default']

function readPerformance(
  given: ReadonlyMap<string, string>,
  defaults: Defaults,
): Pick<RequestedVolume, 'type' | 'iops' | 'throughput'> {
  const type = given.get('type') ?? defaults.type
  const throughput = given.get('throughput')
  const wanted = given.has('iops') ? wholeNumber('iops', given.get('iops'), 0, 1_000_000) : 0
  // As for REX-Ray, 0 says nothing.
  const iops = wanted || defaults.iops
  return {
    ...(type ? { type } : {}),
    ...(iops ? { iops } : {}),
    ...(throughput === undefined
      ? {}
      : { throughput: wholeNumber('throughput', throughput, 1, 100_000) }),
  }
}

function readPlacement(
  given: ReadonlyMap<string, string>,
  defaults: Defaults,
): Pick<RequestedVolume, 'zone' | 'encrypted' | 'encryptionKey' | 'tags'> {
  const zone = given.get('availabilityzone') ?? defaults.availabilityZone
  const encrypted = given.get('encrypted')
  const encryptionKey = given.get('encryptionkey')
  const pairs = given.get('tags')
  return {
    ...(zone ? { zone } : {}),
    ...(encrypted === undefined ? {} : { encrypted: truth('encrypted', encrypted) }),
    ...(encryptionKey ? { encryptionKey } : {}),
    ...(pairs ? { tags: tags(pairs) } : {}),
  }
}

/** Whether the options of a Create ask for a copy of something, in any letter case. */
export function asksForCopy(options: Readonly<Record<string, string>>): boolean {
  return Object.keys(options).some((key) => Object.hasOwn(COPYING, key.toLowerCase()))
}

/**
 * Reads back from a volume's labels what its Create asked for; labels that make no sense are as if they were not
 * there, but mount options that are never passed on are an `InvalidArgumentError`, whoever wrote them.
 */
export function readMountWishes(
  labels: Readonly<Record<string, string>>,
  fallback: NewFileSystem,
): MountWishes {
  const id = (text = '') => (isWholeNumber(text, 0, ID_MAX) ? Number(text) : undefined)
  const mode = labels['mode'] ?? ''
  return {
    fsType: NEW_FILE_SYSTEMS.find((name) => name === labels['fstype']) ?? fallback,
    mountOptions: requireMountOptions(labels['mountopts'] ?? ''),
    uid: id(labels['uid']),
    gid: id(labels['gid']),
    mode: MODE.test(mode) ? Number.parseInt(mode, 8) : undefined,
  }
}

/** Podman takes uid, gid and timeout out of its option `o`, sends the first two by name, and `o` all the same. */
function withoutPodmans(options: Readonly<Record<string, string>>): (readonly [string, string])[] {
  return Object.entries(options).flatMap(([key, value]) => {
    if (key !== 'o') return [[key, value] as const]
    const rest = value.split(',').filter((part) => !/^(uid|gid|timeout)=|^$/.test(part.trim()))
    return rest.length === 0 ? [] : [['mountopts', rest.join(',')] as const]
  })
}

function canonical(options: Readonly<Record<string, string>>): Map<string, string> {
  const given = new Map<string, string>()
  for (const [key, value] of withoutPodmans(options)) {
    const name = Object.hasOwn(KNOWN_OPTIONS, key.toLowerCase())
      ? KNOWN_OPTIONS[key.toLowerCase()]
      : undefined
    if (name === undefined) throw unknownOption(key)
    const text = value.trim()
    if (given.has(name) && given.get(name) !== text)
      throw invalid(key, 'is given twice, with different values')
    given.set(name, text)
  }
  return given
}

function readLabels(
  given: ReadonlyMap<string, string>,
  defaultFileSystem: NewFileSystem,
): Record<string, string> {
  const labels: Record<string, string> = {
    fstype: fileSystem(given.get('fstype') || defaultFileSystem),
  }
  const mountOptions = given.get('mountopts')
  if (mountOptions) labels['mountopts'] = requireMountOptions(mountOptions).join(',')
  for (const name of ['uid', 'gid'] as const) {
    if (given.has(name)) labels[name] = String(wholeNumber(name, given.get(name), 0, ID_MAX))
  }
  if (given.has('mode')) labels['mode'] = mode(given.get('mode') ?? '')
  if (given.has('overwritefs')) truth('overwritefs', given.get('overwritefs') ?? '')
  return labels
}

function readSource(given: ReadonlyMap<string, string>): WantedSource | undefined {
  const [only, ...others] = Object.entries(COPYING).filter(([name]) => given.has(name))
  if (only === undefined) return undefined
  const [name, { kind, by }] = only
  if (others.length > 0)
    throw invalid(name, `is given together with ${others[0]?.[0]}`, 'say one of them')
  const text = given.get(name) ?? ''
  if (text === '') throw invalid(name, 'is empty', `give the ${by} of a ${kind}`)
  return { kind, by, text, isSized: given.has('size') }
}

/** Whole GiB, as `16`, `16g`, `16 GiB`. Throws `InvalidArgumentError` for anything else. */
export function readSize(text: string): number {
  const value = parseGiB(text)
  if (value !== undefined && value <= SIZE_MAX_GIB) return value
  throw invalid(
    'size',
    `must be a whole number of GiB from 1 to ${SIZE_MAX_GIB}, not "${text}"`,
    'say 16 for 16 GiB',
  )
}

function fileSystem(text: string): NewFileSystem {
  const found = NEW_FILE_SYSTEMS.find((name) => name === text.toLowerCase())
  if (found !== undefined) return found
  throw invalid('fstype', `must be one of ${NEW_FILE_SYSTEMS.join(', ')}, not "${text}"`)
}

function wholeNumber(name: string, text: string | undefined, min: number, max: number): number {
  if (isWholeNumber(text ?? '', min, max)) return Number(text)
  throw invalid(name, `must be a whole number from ${min} to ${max}, not "${text}"`)
}

function isWholeNumber(text: string, min: number, max: number): boolean {
  return /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max
}

/** `team=db,stage=prod`, as the platform keeps them. */
function tags(text: string): Record<string, string> {
  const parts = text.split(',').map((part) => /^\s*([^=]+?)\s*=(.*)$/s.exec(part))
  const all = parts.map((part) => {
    if (part?.[1] === undefined)
      throw invalid(
        'tags',
        `must be pairs of key and value, not "${text}"`,
        'say team=db,stage=prod',
      )
    return [part[1], (part[2] ?? '').trim()] as const
  })
  return Object.fromEntries(all)
}

function mode(text: string): string {
  if (MODE.test(text)) return text
  throw invalid('mode', `must be permission bits in octal, not "${text}"`, 'say 0750, for one')
}

function truth(name: string, text: string): boolean {
  if (/^(true|t|1|yes|on|)$/i.test(text)) return true
  if (/^(false|f|0|no|off)$/i.test(text)) return false
  throw invalid(name, `must be true or false, not "${text}"`)
}

function unknownOption(key: string): InvalidArgumentError {
  const names = Object.keys(KNOWN_OPTIONS)
  const meant = nearest(key, names)
  return invalid(
    key,
    'is unknown',
    meant === undefined ? `use one of ${names.join(', ')}` : `did you mean ${meant}?`,
  )
}

function invalid(option: string, problem: string, remedy?: string): InvalidArgumentError {
  return new InvalidArgumentError({ subject: `option ${option}`, problem, remedy })
}

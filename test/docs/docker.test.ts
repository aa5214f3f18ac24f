import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readVolumeOptions } from '../../src/mount/volume-options.ts'
import { OPERATIONS } from '../support/command-line.ts'
import { documentAt, sectionOf } from '../support/documents.ts'

const page = documentAt('docs/docker.md')

function blocks(heading: string, kind: string): string[] {
  const text = sectionOf(page, heading)
  return [...text.matchAll(new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    (match) => match[1] ?? '',
  )
}

const wanted = (options: Readonly<Record<string, string>>) =>
  readVolumeOptions(options, OPERATIONS.create.default)

describe('Compose', () => {
  const [file, external] = blocks('Compose', 'yaml').map((text) => parse(text))

  test('makes a volume of the driver, with options that are texts and that are understood', () => {
    const { driver, driver_opts: options, name } = file.volumes.data
    expect({ driver, name }).toEqual({ driver: 'rexray', name: 'shop-cache' })
    expect(Object.values(options).every((value) => typeof value === 'string')).toBe(true)
    expect(wanted(options)).toMatchObject({ sizeGiB: 20 })
    expect(file.services.cache.volumes).toEqual(['data:/data'])
  })

  test('finds the same volume as one that it did not make', () => {
    expect(external.volumes.data).toEqual({ name: file.volumes.data.name, external: true })
    expect(page.text).toContain(`docker volume create --driver rexray --opt size=20 shop-cache`)
  })
})

test('Nomad makes a volume of the driver for each allocation, with options that are understood', () => {
  const [job = ''] = blocks('Nomad', 'hcl')
  const mount = readHcl(job).at(['job "cache"', 'group "cache"', 'task "redis"', 'config', 'mount'])
  expect(mount.values).toEqual({
    type: 'volume',
    source: expect.stringMatching(/^shop-cache-\$\{NOMAD_ALLOC_INDEX\}$/),
    target: '/data',
  })
  const driver = mount.at(['volume_options', 'driver_config'])
  expect(driver.values).toEqual({ name: 'rexray' })
  expect(wanted(driver.at(['options']).values)).toMatchObject({ sizeGiB: 20 })
})

test('Podman waits longer than a Mount may take, for the socket where Remora listens', () => {
  const [configuration = ''] = blocks('Podman', 'toml')
  const seconds = /^\[engine\]\nvolume_plugin_timeout = (\d+)$/m.exec(configuration)?.[1]
  expect(Number(seconds)).toBeGreaterThan(110)
  expect(configuration).toMatch(
    /^\[engine\.volume_plugins\]\nrexray = "\/run\/docker\/plugins\/rexray\.sock"$/m,
  )
})

/** A block of HCL: its texts by name, and the blocks in it. */
class Block {
  readonly values: Record<string, string> = {}
  readonly #blocks = new Map<string, Block>()

  at([first, ...rest]: readonly string[]): Block {
    if (first === undefined) return this
    const inner = this.#blocks.get(first)
    if (inner !== undefined) return inner.at(rest)
    throw new Error(`there is no ${first}, but ${[...this.#blocks.keys()]}`)
  }

  /** Takes one line, and returns the block that the next one belongs to. */
  take(line: string): Block {
    const [, header] = /^(.+) \{$/.exec(line) ?? []
    if (header !== undefined) {
      const inner = new Block()
      this.#blocks.set(header, inner)
      return inner
    }
    const [, name, value] = /^(\w+) += +"(.*)"$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) this.values[name] = value
    else if (!/^$|^\w+ += +(\d+|\[.*\])$/.test(line)) throw new Error(`what is ${line}?`)
    return this
  }
}

/** As much of Nomad's language as the page has: blocks and assignments, one on a line. */
function readHcl(text: string): Block {
  const file = new Block()
  const open = [file]
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line === '}') open.pop()
    else {
      const here = open.at(-1) ?? file
      const next = here.take(line)
      if (next !== here) open.push(next)
    }
  }
  expect(open).toEqual([file])
  return file
}

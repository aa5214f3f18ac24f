import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { InvalidArgumentError, systemCode } from '../../libstorage/errors.ts'

/** How a plugin is reached. */
export type PluginAddress =
  | { readonly kind: 'unix'; readonly socketPath: string }
  | {
      readonly kind: 'http' | 'https'
      readonly host: string
      readonly port: number
      readonly tls: TlsOptions
    }

/** How the certificate of a plugin is verified, and which one of ours it is shown. */
export interface TlsOptions {
  readonly rejectUnauthorized: boolean
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
}

/** Where Docker's engine looks, each below a root: that of the system, before it one's own (`REXRAY_HOME`). */
const SOCKETS = 'run/docker/plugins'
const SPECS = ['etc/docker/plugins', 'usr/lib/docker/plugins']

/**
 * Finds a plugin as Docker's engine does (moby, pkg/plugins/discovery.go): its socket, else its `.spec`, else its
 * `.json`, the first place that has one. Undefined while there is none; throws `InvalidArgumentError` about a spec that
 * names no address.
 */
export function findPlugin(name: string, roots: readonly string[]): PluginAddress | undefined {
  for (const root of roots) {
    const found = findBelow(name, root)
    if (found !== undefined) return found
  }
  return undefined
}

function findBelow(name: string, root: string): PluginAddress | undefined {
  const sockets = path.join(root, SOCKETS)
  const socketPath = [path.join(sockets, `${name}.sock`), path.join(sockets, name, `${name}.sock`)]
    .filter(isSocket)
    .at(0)
  if (socketPath !== undefined) return { kind: 'unix', socketPath }
  for (const { file, read } of specFiles(name, root)) {
    const text = readIfThere(file)
    if (text !== undefined) return read(text, file)
  }
  return undefined
}

interface SpecFile {
  readonly file: string
  readonly read: (text: string, file: string) => PluginAddress
}

function specFiles(name: string, root: string): readonly SpecFile[] {
  return SPECS.map((specs) => path.join(root, specs)).flatMap((folder) =>
    [
      { extension: 'spec', read: fromSpec } as const,
      { extension: 'json', read: fromJson } as const,
    ].flatMap(({ extension, read }) => [
      { file: path.join(folder, `${name}.${extension}`), read },
      { file: path.join(folder, name, `${name}.${extension}`), read },
    ]),
  )
}

/** Docker verifies no certificate of a plugin that has only a `.spec`. */
function fromSpec(text: string, file: string): PluginAddress {
  return addressOf(text.trim(), file, { rejectUnauthorized: false })
}

interface JsonSpec {
  readonly Addr?: unknown
  readonly TLSConfig?: {
    readonly InsecureSkipVerify?: unknown
    readonly CAFile?: unknown
    readonly CertFile?: unknown
    readonly KeyFile?: unknown
  } | null
}

function fromJson(text: string, file: string): PluginAddress {
  let spec: JsonSpec
  try {
    spec = JSON.parse(text) as JsonSpec
  } catch {
    throw unusable(file, 'is no JSON')
  }
  if (typeof spec?.Addr !== 'string') throw unusable(file, 'has no Addr')
  const tls = spec.TLSConfig
  if (tls === undefined || tls === null)
    return addressOf(spec.Addr, file, { rejectUnauthorized: true })
  const { CAFile, CertFile, KeyFile } = tls
  const read = (name: unknown) =>
    typeof name === 'string' && name !== '' ? readFileSync(name) : undefined
  const [ca, cert, key] = [read(CAFile), read(CertFile), read(KeyFile)]
  return addressOf(spec.Addr, file, {
    // Without an authority to compare with, Docker's TLSConfig verifies nothing.
    rejectUnauthorized: tls.InsecureSkipVerify !== true && ca !== undefined,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  })
}

/** A path behind the host is left out: calls always go to `/VolumeDriver.<call>`. */
function addressOf(text: string, file: string, tls: TlsOptions): PluginAddress {
  const { scheme, rest = '' } =
    /^(?<scheme>unix|tcp|http|https):\/\/(?<rest>.+)$/.exec(text)?.groups ?? {}
  if (scheme === 'unix') return { kind: 'unix', socketPath: rest }
  const { host, port } =
    /^(?<host>\[[^\]]+\]|[^:/]+)(?::(?<port>\d+))?(?:\/.*)?$/.exec(rest)?.groups ?? {}
  if (scheme === undefined || host === undefined)
    throw unusable(file, `names no address (${JSON.stringify(text)})`)
  const kind = scheme === 'https' ? 'https' : 'http'
  const byDefault = kind === 'https' ? 443 : 80
  return { kind, host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? byDefault), tls }
}

function unusable(file: string, problem: string): InvalidArgumentError {
  return new InvalidArgumentError({
    subject: file,
    problem,
    remedy: 'write unix:///path, tcp://host:port or https://host:port',
  })
}

function isSocket(file: string): boolean {
  try {
    return statSync(file).isSocket()
  } catch {
    return false
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}

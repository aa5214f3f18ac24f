import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import {
  FailedPreconditionError,
  InvalidArgumentError,
  systemCode,
} from '../../libstorage/errors.ts'

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
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Where Docker's engine looks, each below a root: that of the system, before it one's own (`REXRAY_HOME`). */
const SOCKETS = 'run/docker/plugins'
const SPECS = ['etc/docker/plugins', 'usr/lib/docker/plugins']

/** Where the system keeps the authorities it trusts (Go, crypto/x509/root_linux.go); Node.js by itself knows its own only. */
const AUTHORITIES = [
  'etc/ssl/certs/ca-certificates.crt',
  'etc/pki/tls/certs/ca-bundle.crt',
  'etc/ssl/ca-bundle.pem',
  'etc/pki/tls/cacert.pem',
  'etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  'etc/ssl/cert.pem',
]

/**
 * Finds a plugin as Docker's engine does (moby, pkg/plugins/discovery.go): its socket, else its `.spec`, else its
 * `.json`, the first place that has one. Undefined while there is none; throws `InvalidArgumentError` about a spec that
 * names no address, `FailedPreconditionError` about a file that cannot be read, or a socket that cannot be looked at where
 * there is nothing else.
 */
export function findPlugin(name: string, roots: readonly string[]): PluginAddress | undefined {
  for (const root of roots) {
    const found = findBelow(name, root)
    if (found !== undefined) return found
  }
  for (const root of roots) for (const file of socketFiles(name, root)) refuseHidden(file)
  return undefined
}

function findBelow(name: string, root: string): PluginAddress | undefined {
  const socketPath = socketFiles(name, root).find(isSocket)
  if (socketPath !== undefined) return { kind: 'unix', socketPath }
  for (const { file, read } of specFiles(name, root)) {
    const text = readIfThere(file)
    if (text !== undefined) return read(text, file, root)
  }
  return undefined
}

function socketFiles(name: string, root: string): readonly string[] {
  const folder = path.join(root, SOCKETS)
  return [path.join(folder, `${name}.sock`), path.join(folder, name, `${name}.sock`)]
}

interface SpecFile {
  readonly file: string
  readonly read: (text: string, file: string, root: string) => PluginAddress
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

/** Names are understood in any letter case, as Go does. */
function fromJson(text: string, file: string, root: string): PluginAddress {
  const spec = fieldsOf(parsed(text, file))
  if (typeof spec['addr'] !== 'string') throw unusable(file, 'has no Addr')
  return addressOf(spec['addr'], file, tlsOptions(spec['tlsconfig'], root))
}

function tlsOptions(config: unknown, root: string): TlsOptions {
  if (config === undefined || config === null) {
    const ca = AUTHORITIES.map((place) => readIfThere(path.join(root, place))).find(Boolean)
    return { rejectUnauthorized: true, ...(ca !== undefined && { ca }) }
  }
  const { cafile, certfile, keyfile, insecureskipverify } = fieldsOf(config)
  const [ca, cert, key] = [cafile, certfile, keyfile].map(readNamed)
  return {
    // Without an authority to compare with, Docker's TLSConfig verifies nothing.
    rejectUnauthorized: insecureskipverify !== true && ca !== undefined,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unusable(file, 'is no JSON')
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  const entries = Object.entries(Object(value) as object)
  return Object.fromEntries(entries.map(([key, one]) => [key.toLowerCase(), one]))
}

function readNamed(file: unknown): string | undefined {
  if (typeof file !== 'string' || file === '') return undefined
  const text = readIfThere(file)
  if (text !== undefined) return text
  throw new FailedPreconditionError({
    subject: file,
    problem: 'is not there',
    remedy: 'put the file there that the TLSConfig of the plugin names',
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

/** Docker's engine makes the folder of sockets for root alone: no waiting would let anyone else see what is in it. */
function refuseHidden(file: string): void {
  try {
    statSync(file)
  } catch (error) {
    if (isAbsence(error)) return
    throw new FailedPreconditionError({
      subject: file,
      problem: `cannot be looked at (${systemCode(error)})`,
      remedy: 'call as a user who may',
      cause: error,
    })
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw new FailedPreconditionError({
      subject: file,
      problem: `cannot be read (${systemCode(error)})`,
      remedy: 'make it a file that can be',
      cause: error,
    })
  }
}

function isAbsence(error: unknown): boolean {
  const code = systemCode(error)
  return code === undefined || ['ENOENT', 'ENOTDIR'].includes(code)
}

import { isAbsolute } from 'node:path'
import { InvalidArgumentError } from '../libstorage/errors.ts'

/** Where a server listens. */
export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  /** Without a host on all interfaces; port 0 takes a free one. */
  | { readonly kind: 'tcp'; readonly host?: string; readonly port: number }

const TCP = /^tcp:\/\/(?:\[(?<v6>[^\]]+)\]|(?<host>[^:/[\]]*)):(?<port>\d{1,5})$/

/** Reads `unix:///path`, `/path` or `tcp://host:port`. Throws `InvalidArgumentError` for anything else. */
export function parseListenAddress(host: string): ListenAddress {
  const path = host.startsWith('unix://') ? host.slice('unix://'.length) : host
  if (isAbsolute(path) && !path.endsWith('/') && !path.includes('\0')) return { kind: 'unix', path }
  const { v6, host: name, port } = TCP.exec(host)?.groups ?? {}
  if (port === undefined || Number(port) > 65_535) {
    throw new InvalidArgumentError({
      subject: `host ${JSON.stringify(host)}`,
      problem: 'is not an address to listen on',
      remedy: 'write unix:///path/name.sock or tcp://host:port',
    })
  }
  const named = v6 ?? name ?? ''
  return { kind: 'tcp', port: Number(port), ...(named === '' ? {} : { host: named }) }
}

import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Whether this machine can make certificates. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0

/** Certificates of an authority of a test's own, as files and as texts. */
export class Certificates {
  readonly #folder: string

  /** Makes the authority, in a folder that the test removes. */
  constructor(folder: string) {
    this.#folder = folder
    const authority = ['-subj', '/CN=authority of a test', '-days', '2']
    this.#openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...[...authority, '-keyout', this.path('ca.key'), '-out', this.path('ca.pem')],
    )
  }

  /** Makes `<name>.key` and `<name>.pem` for these names, signed by the authority. */
  issue(name: string, names = 'IP:127.0.0.1'): void {
    const request = ['-subj', `/CN=${name}`, '-nodes', '-out', this.path(`${name}.csr`)]
    this.#openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
      ...[...request, '-keyout', this.path(`${name}.key`)],
    )
    writeFileSync(this.path('names'), `subjectAltName=${names}`)
    this.#openssl(
      ...['x509', '-req', '-in', this.path(`${name}.csr`), '-days', '2', '-CAcreateserial'],
      ...['-CA', this.path('ca.pem'), '-CAkey', this.path('ca.key')],
      ...['-extfile', this.path('names'), '-out', this.path(`${name}.pem`)],
    )
  }

  path(file: string): string {
    return join(this.#folder, file)
  }

  text(file: string): string {
    return readFileSync(this.path(file), 'utf8')
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe' })
  }
}

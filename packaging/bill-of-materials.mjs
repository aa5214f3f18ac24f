import { run } from './run.mjs'
import { put } from './tree.mjs'

const NPM = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application']

/**
 * Writes `remora.cdx.json`, the packages that the program is bundled of, in the form of CycloneDX. The same lock file gives
 * the same bytes, and nothing in them tells from where or on which machine they were fetched.
 */
export function writeBillOfMaterials(project, output) {
  const { serialNumber, ...bill } = JSON.parse(
    run('npm', [...NPM, '--package-lock-only', '--omit', 'dev'], { cwd: project }),
  )
  const built = new Date(Number(process.env['SOURCE_DATE_EPOCH']) * 1_000)
  // npm calls the project by the name of its folder.
  const component = { ...bill.metadata.component, name: 'remora' }
  const components = bill.components.map(({ externalReferences, ...kept }) => ({
    ...kept,
    externalReferences: externalReferences?.filter(({ type }) => type !== 'distribution') ?? [],
  }))
  const metadata = { ...bill.metadata, timestamp: built.toISOString(), component }
  const text = JSON.stringify({ ...bill, metadata, components }, undefined, 2)
  put(output, 'remora.cdx.json', `${text}\n`)
}

import { run } from './run.mjs'
import { put } from './tree.mjs'

const NPM = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application']

/**
 * Writes `remora.cdx.json`, the packages that the program is bundled of, in the form of CycloneDX. The same lock file gives
 * the same bytes, and nothing in them tells from where or on which machine they were fetched.
 */
export function writeBillOfMaterials(project, output) {
  const { serialNumber, ...all } = JSON.parse(run('npm', NPM, { cwd: project }))
  // npm calls the project by the name of its folder.
  const component = { ...all.metadata.component, name: 'remora' }
  const components = all.components.filter(isNeeded).map(withoutOrigin)
  const bill = {
    ...all,
    metadata: { ...all.metadata, timestamp: timeOfBuild(), component },
    components,
    dependencies: dependenciesAmong([component, ...components], all.dependencies),
  }
  put(output, 'remora.cdx.json', written(bill))
}

/** The text of a bill, in the form of CycloneDX, of what is made of packages of a system and of the program. */
export function systemBill({ name, version }, packages) {
  const ref = `${name}@${version}`
  return written({
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      timestamp: timeOfBuild(),
      component: { 'bom-ref': ref, type: 'container', name, version },
    },
    components: [
      { 'bom-ref': `remora@${version}`, type: 'application', name: 'remora', version },
      ...packages.map(systemPackage),
    ],
  })
}

/** By the address that advisories know it by; https://github.com/package-url/purl-spec */
function systemPackage({ name, version, architecture, distribution }) {
  const at = `${encodeURIComponent(name)}@${encodeURIComponent(version)}`
  const purl =
    name === 'node' ? `pkg:generic/${at}` : `pkg:deb/${distribution}/${at}?arch=${architecture}`
  return { 'bom-ref': purl, type: 'library', name, version, purl }
}

function written(bill) {
  return `${JSON.stringify(bill, undefined, 2)}\n`
}

function timeOfBuild() {
  return new Date(Number(process.env['SOURCE_DATE_EPOCH']) * 1_000).toISOString()
}

/** npm's own `--omit dev` also leaves out what a tool shares with the program. */
function isNeeded({ properties }) {
  return !properties?.some(({ name }) => name === 'cdx:npm:package:development')
}

function withoutOrigin({ externalReferences = [], ...kept }) {
  return {
    ...kept,
    externalReferences: externalReferences.filter(({ type }) => type !== 'distribution'),
  }
}

function dependenciesAmong(components, dependencies) {
  const refs = new Set(components.map((component) => component['bom-ref']))
  return dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) }))
}

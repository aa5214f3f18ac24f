import type { Check } from '../libstorage/check.ts'
import type { CheckGroup } from './examine.ts'
import { type Habitat, shortId } from './habitat.ts'

/** Where an engine's runc keeps what it knows of managed plugins, under the engine's usual --exec-root. */
const PLUGINS = '/run/docker/runtime-runc/plugins.moby'
/** A command of this program, but for one that says itself where it runs. */
const OWN = /(?<!docker exec \S+ )\b(?:sudo )?remora (?=[a-z])/g

/**
 * The same checks, whose remedies are commands for the machine's own shell, where the server runs in a container or as a
 * managed plugin. A container that is not known is left for the reader to fill in.
 */
export function reachedFromOutside(
  groups: readonly CheckGroup[],
  server: () => Promise<Habitat | undefined>,
): readonly CheckGroup[] {
  const translated = (check: Check): Check => ({
    ...check,
    run: async (signal) => {
      const [findings, place] = await Promise.all([check.run(signal), server()])
      return findings.map((finding) => ({
        ...finding,
        ...(finding.remedy !== undefined && { remedy: fromOutside(finding.remedy, place) }),
      }))
    },
  })
  return groups.map((group) => ({ ...group, checks: group.checks.map(translated) }))
}

function fromOutside(remedy: string, server: Habitat | undefined): string {
  if (server?.kind === 'plugin') return fromOutsidePlugin(remedy, server.id)
  const container = server?.kind === 'container' ? shortId(server.id) : '<container of the server>'
  return remedy
    .replaceAll('remora service start', `docker start ${container}`)
    .replaceAll('remora restart', `docker restart ${container}`)
    .replace(OWN, `docker exec ${container} remora `)
}

function fromOutsidePlugin(remedy: string, id: string): string {
  const short = shortId(id)
  const again = `docker plugin disable --force ${short}; docker plugin enable ${short}`
  return remedy
    .replaceAll('remora service start', `docker plugin enable ${short}`)
    .replaceAll('remora restart', again)
    .replaceAll('remora config check', `docker plugin inspect ${short}   # its settings`)
    .replace(OWN, `runc --root ${PLUGINS} exec ${id} remora `)
}

import type { Viewpoint, VolumeView } from '../mount/integration-driver.ts'
import { createRequest } from './requests.ts'
import type { Caller, PluginCall } from './routes.ts'

/** What `volume ls` prints from. */
export interface Listing {
  readonly volumes: readonly VolumeView[]
  readonly viewpoint: Viewpoint
}

/** Answers commands whose configuration is that of the server, which its digest says. */
export interface CommandAnswers {
  /** Undefined where it cannot answer, and the command has to see for itself. */
  list(digest: string, caller: Caller): Promise<Listing | undefined>
  /** Where containers find the volume of a name; undefined also where that cannot be said. */
  path(digest: string, name: string, caller: Caller): Promise<string | undefined>
}

const question = { changes: false, slow: false, schema: createRequest }

/**
 * The calls of our own command line, beside those of the Docker volume plugin API and in the same form. What is not
 * answered is an empty object.
 */
export function commandCalls(answers: CommandAnswers): readonly PluginCall[] {
  return [
    {
      ...question,
      name: 'Remora.List',
      path: '/Remora.List',
      needsName: false,
      run: async ({ options }, caller) => ({
        body: (await answers.list(options['digest'] ?? '', caller)) ?? {},
      }),
    },
    {
      ...question,
      name: 'Remora.Path',
      path: '/Remora.Path',
      needsName: true,
      run: async ({ name, options }, caller) => {
        const path = await answers.path(options['digest'] ?? '', name, caller)
        return { body: path === undefined ? {} : { path } }
      },
    },
  ]
}

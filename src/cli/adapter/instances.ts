import { isStorageError } from '../../libstorage/errors.ts'
import type { Instance } from '../../libstorage/types.ts'
import { type CommandContext, reportError } from '../context.ts'
import { exitStatusOf } from '../exit-status.ts'
import type { OutputOptions } from '../output/forms.ts'
import { compareTexts, type Listing, openPrinter } from '../output/printer.ts'
import { TemplateObject } from '../output/template/values.ts'
import { servicesOf } from './services.ts'

interface SeenInstance extends Instance {
  readonly service: string
  readonly driver: string
}

/**
 * Prints what each service calls this machine. A service that fails hides no other: why is said on stderr, and the exit
 * status is that of the first one.
 */
export async function listInstances(
  context: CommandContext,
  options: OutputOptions,
): Promise<number> {
  const print = await openPrinter(LISTING, options)
  const seen: SeenInstance[] = []
  let status = 0
  for (const { name } of await servicesOf(context)) {
    try {
      seen.push(await instanceOf(context, name))
    } catch (error) {
      if (!isStorageError(error)) throw error
      reportError(context, error)
      status ||= exitStatusOf(error)
    }
  }
  context.stdout.write(print(seen))
  return status
}

async function instanceOf(context: CommandContext, name: string): Promise<SeenInstance> {
  const app = await context.openApp('command', { ...context.flags(), service: name })
  try {
    const { service } = app.service()
    const instance = await service.executor.instance()
    return { ...instance, service: service.name, driver: service.driver.name }
  } finally {
    await app.close()
  }
}

const LISTING: Listing<SeenInstance> = {
  columns: () => [
    { heading: 'ID', text: ({ id }) => id },
    { heading: 'Name', text: ({ name = '' }) => name },
    { heading: 'Provider', text: ({ driver }) => driver },
    { heading: 'Region', text: ({ zone = '' }) => zone },
  ],
  report: instanceReport,
  fields: (instance) => {
    const { id, driver, service, name = '', zone = '' } = instance
    const named = new TemplateObject(
      'an instance id',
      { ID: id, Driver: driver, Service: service },
      { id, driver, service },
    )
    return new TemplateObject(
      'an instance',
      { InstanceID: named, Name: name, ProviderName: driver, Region: zone },
      instanceReport(instance),
    )
  },
  compare: (a, b) => compareTexts(a.service, b.service),
  sample: { id: 'i-0', service: 'sample', driver: 'sample' },
}

function instanceReport({ id, driver, service, name = '', zone = '' }: SeenInstance): object {
  return { instanceID: { id, driver, service }, name, providerName: driver, region: zone }
}

import type { CommandContext } from '../context.ts'
import type { OutputOptions } from '../output/forms.ts'
import { compareTexts, type Listing, openPrinter } from '../output/printer.ts'
import { TemplateObject } from '../output/template/values.ts'

/** A service, by its name and that of its driver. */
export interface NamedService {
  readonly name: string
  readonly driver: string
}

/** Prints the services that are configured; where none is, the one that the program chooses. */
export async function listServices(
  context: CommandContext,
  options: OutputOptions,
): Promise<number> {
  const print = await openPrinter(LISTING, options)
  context.stdout.write(print(await servicesOf(context)))
  return 0
}

/** The services that are configured, or the one that the program chooses. */
export async function servicesOf(context: CommandContext): Promise<readonly NamedService[]> {
  const { services } = await context.host.loadConfig(context.flags())
  if (services.length > 0) return services
  const app = await context.openApp('command', context.flags())
  try {
    return app.services.map(({ service }) => ({ name: service.name, driver: service.driver.name }))
  } finally {
    await app.close()
  }
}

const LISTING: Listing<NamedService> = {
  columns: () => [
    { heading: 'Name', text: ({ name }) => name },
    { heading: 'Driver', text: ({ driver }) => driver },
  ],
  report: serviceReport,
  fields: (service) =>
    new TemplateObject(
      'a service',
      {
        Name: service.name,
        Driver: new TemplateObject('a driver', { Name: service.driver }, { name: service.driver }),
      },
      serviceReport(service),
    ),
  compare: (a, b) => compareTexts(a.name, b.name),
  sample: { name: 'sample', driver: 'sample' },
}

function serviceReport({ name, driver }: NamedService): object {
  return { name, driver: { name: driver } }
}

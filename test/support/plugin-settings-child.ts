import { loadConfig } from '../../src/config/load.ts'
import { run } from '../../src/libstorage/run.ts'
import { providers } from '../../src/providers/index.ts'

/** Prints the names of the volumes that a managed plugin with these settings sees, or why it sees none. */
const [environmentFile = '', libDirectory = ''] = process.argv.slice(2)
const { services } = await loadConfig({
  flags: {},
  env: process.env,
  uid: 0,
  homeDirectory: '/nowhere',
  drivers: providers,
  environmentFile,
})
const [service] = services
const definition = providers.find(({ name }) => name === service?.driver)
if (service === undefined || definition === undefined) throw new Error('no service is configured')
const context = { service: service.name, libDirectory, run }
const { driver } = await definition.create(service.settings, context)
const found = await driver.volumes().then(
  (volumes) => volumes.map(({ name }) => name).join() || 'none',
  (error: unknown) => String(error),
)
console.log(found)
process.exit()

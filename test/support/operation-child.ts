import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { MountSettings } from '../../src/mount/settings.ts'
import { openLoopMachine } from './loop-machine.ts'
import { type OperationName, operations } from './operations.ts'

/** Does one operation on a machine's volumes, as a command does. Makes the folder `begun` there when it begins. */
const [home = '', settings = '', name = ''] = process.argv.slice(2)
const machine = await openLoopMachine(home, JSON.parse(settings) as MountSettings, 'command')
mkdirSync(path.join(home, 'begun'))
await operations[name as OperationName](machine.manager)
await machine.close()

import type { Check, Finding } from '../../../libstorage/check.ts'
import { fail, pass, skip, warn } from '../../../libstorage/findings.ts'
import { together } from '../../../libstorage/wait.ts'
import type { Reference, WebSession } from '../client.ts'
import { findMachine } from '../machines.ts'
import { BEFORE, type Examined } from './examined.ts'

/** How few free ports are worth a word. */
const FEW = 2
/** A SATA controller of VirtualBox has no more. */
const MOST_PORTS = 30

interface Controller {
  readonly name: string
  readonly bus: string
  readonly ref: Reference
}

/** Whether this machine has the controller that volumes are attached to, and free ports on it. */
export function controllerCheck(examined: Examined): Check {
  return {
    id: 'virtualbox.controller',
    title: 'the controller that volumes are attached to',
    after: BEFORE,
    async run(signal) {
      const here = await examined.here().catch(() => undefined)
      if (here === undefined) return [skip('not looked at, because virtualbox.machine failed')]
      const { controllerName } = examined.settings
      const { id } = here.instance
      return await examined.ask(
        'the controller',
        async (session) => [await judged(session, { id, controllerName }, signal)],
        signal,
      )
    },
  }
}

interface Meant {
  readonly id: string
  readonly controllerName: string
}

async function judged(session: WebSession, meant: Meant, signal: AbortSignal): Promise<Finding> {
  const { id, controllerName } = meant
  const _this = (await findMachine(session, id, signal))?.ref ?? ''
  const all = await controllersOf(session, _this, signal)
  const found = all.find(({ name }) => name === controllerName)
  if (found === undefined) return missing(meant, all)
  const named = `controller ${JSON.stringify(controllerName)}`
  if (found.bus !== 'SATA')
    return fail(
      `${named} is ${found.bus}: only SATA takes disks while a machine runs`,
      ...ways(meant, all),
    )
  const [portCount, slots] = await together([
    session.call('IStorageController_getPortCount', { _this: found.ref }, signal),
    session.call(
      'IMachine_getMediumAttachmentsOfController',
      { _this, name: controllerName },
      signal,
    ),
  ])
  const used = new Set(slots.map(({ port }) => port)).size
  return room(meant, named, { used, portCount })
}

async function controllersOf(
  session: WebSession,
  machine: Reference,
  signal: AbortSignal,
): Promise<readonly Controller[]> {
  const refs = await session.call('IMachine_getStorageControllers', { _this: machine }, signal)
  return await together(
    refs.map(async (ref) => ({
      ref,
      name: await session.call('IStorageController_getName', { _this: ref }, signal),
      bus: await session.call('IStorageController_getBus', { _this: ref }, signal),
    })),
  )
}

function missing(meant: Meant, all: readonly Controller[]): Finding {
  const list = all.map(({ name, bus }) => `${JSON.stringify(name)} (${bus})`).join(', ')
  return fail(
    `this machine has no controller ${JSON.stringify(meant.controllerName)}; it has ${list || 'none'}`,
    ...ways(meant, all),
  )
}

/** The controllers that would do, and the command that makes one. */
function ways({ id }: Meant, all: readonly Controller[]): readonly [string, ...string[]] {
  const fit = all
    .filter(({ bus }) => bus === 'SATA')
    .map(({ name }) => `set virtualbox.controllerName to ${JSON.stringify(name)}`)
  const [first, ...others] = fit
  if (first !== undefined) return [first, ...others]
  return [
    `VBoxManage storagectl ${id} --name SATA --add sata --controller IntelAhci --portcount ${MOST_PORTS}   # while it is off`,
    'and set virtualbox.controllerName to SATA',
  ]
}

function room(
  { id, controllerName }: Meant,
  named: string,
  { used, portCount }: { readonly used: number; readonly portCount: number },
): Finding {
  const free = portCount - used
  const seen = `${named} has ${free === 0 ? 'none' : free} of its ${portCount} ports free`
  if (free > FEW) return pass(seen)
  const first =
    portCount < MOST_PORTS
      ? `VBoxManage storagectl ${id} --name ${JSON.stringify(controllerName)} --portcount ${MOST_PORTS}   # while it is off`
      : 'detach some: remora volume detach <name>'
  return free === 0 ? fail(seen, first) : warn(seen, first)
}

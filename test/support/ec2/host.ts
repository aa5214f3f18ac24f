import { join } from 'node:path'
import type { Machine } from '../machine.ts'
import { LoopDisks } from './loop-disks.ts'
import type { Ec2Simulator, SimMachine } from './simulator.ts'

/** Lets a machine that has a mount namespace see the disks of an instance as those of its kernel. */
export async function becomeInstance(machine: Machine, { disks }: SimMachine): Promise<void> {
  if (!(disks instanceof LoopDisks)) throw new Error('the disks are not real')
  const entered = await machine.run('sh', ['-c', disks.enterScript()])
  if (entered.status !== 0) throw new Error(entered.stderr)
}

/** What a managed plugin's config.json mounts to see the disks of an instance as those of its kernel. */
export function diskMounts({ disks }: SimMachine) {
  if (!(disks instanceof LoopDisks)) throw new Error('the disks are not real')
  const source = join(disks.sysfs.root, 'block')
  return ['/sys/block', '/sys/class/block'].map((destination) => ({
    ...{ name: destination.slice(1).replaceAll('/', '-'), description: 'the disks of EC2' },
    ...{ type: 'bind', source, destination, options: ['rbind'] },
  }))
}

/** The configuration of a server on an instance; `settings` are further keys beneath `libstorage`. */
export function ebsConfiguration(
  { endpoint }: Ec2Simulator,
  { metadata }: SimMachine,
  settings: object = {},
): string {
  return JSON.stringify({
    libstorage: { service: 'ebs', ...settings },
    ebs: {
      accessKey: 'AKIDEXAMPLE',
      secretKey: 'secret',
      endpoint,
      metadataEndpoint: metadata.endpoint,
    },
  })
}

import { setTimeout as sleep } from 'node:timers/promises'
import { isRoot, makeHome, removeHome, startProgram } from './servers.mjs'
import { loadSimulator } from './worlds.mjs'

/** Does something with an instance of a simulated region and the program that serves it; resolves with what comes of it. */
export async function onInstance(options, work) {
  const { Ec2Simulator } = await loadSimulator()
  const home = makeHome()
  const simulator = await Ec2Simulator.start({ disks: isRoot ? 'loop' : 'plain', ...options })
  try {
    // A type that takes 32 volumes.
    const instance = await simulator.launch({ type: 'm7i.large' })
    const settings = configuration(simulator, instance)
    const { disks } = instance
    const enter = 'enterScript' in disks ? disks.enterScript() : undefined
    const server = await startProgram(home, settings, enter)
    try {
      return await work({ simulator, instance, server, home })
    } finally {
      await server.stop()
    }
  } finally {
    await simulator.close()
    await removeHome(home)
  }
}

/** Waits until something is as it is to be. */
export async function until(isSo) {
  while (!(await isSo())) await sleep(20)
}

function configuration({ endpoint }, { metadata }) {
  return JSON.stringify({
    libstorage: {
      service: 'ebs',
      integration: { volume: { operations: { unmount: { detachDelay: '0s' } } } },
    },
    ebs: {
      accessKey: 'AKIDEXAMPLE',
      secretKey: 'secret',
      endpoint,
      metadataEndpoint: metadata.endpoint,
    },
  })
}

/** The volumes of EC2 that a bench needs many of, as if somebody had made them. */
export function addVolumes({ region }, made, count) {
  return Array.from({ length: count }, (_, index) => {
    const name = `volume-${String(index).padStart(5, '0')}`
    const id = region.newId('vol')
    region.volumes.set(id, { ...made, id, tags: { ...made.tags, Name: name } })
    return name
  })
}

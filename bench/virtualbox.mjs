import { once } from 'node:events'
import { createServer } from 'node:http'
import { median } from './load.mjs'
import { post, RexrayVirtualbox } from './rexray-virtualbox.mjs'
import { loadVirtualbox } from './worlds.mjs'

export const title = 'VirtualBox: calls to the web service'

const COUNT = 30
const ROUNDS = 5

/** An attach and a list of Remora's and of REX-Ray's, in turns, on VirtualBox's own web service where it can be had. */
export async function run() {
  const parts = await loadVirtualbox()
  const service = await parts.RealService.start()
  const isReal = service instanceof parts.RealService
  const world = await (isReal
    ? parts.RealWorld.open(service.endpoint)
    : new parts.VirtualboxWorld({ running: false }))
  const endpoint = isReal ? service.endpoint : (await world.service.open()).endpoint
  const where = isReal ? 'VirtualBox' : `a fake VirtualBox, as ${service}`
  try {
    return await measure({ parts, endpoint, where, ...placeOf(world, isReal, parts) })
  } finally {
    await world.close()
    if (isReal) await service.stop()
  }
}

function placeOf(world, isReal, { VOLUMES }) {
  const { guest, libDirectory } = world.here
  const machine = isReal ? world.here.id : world.here.machine.id
  return { guest, libDirectory, machine, volumePath: isReal ? world.volumePath : VOLUMES }
}

async function measure(place) {
  const counter = await startCounter(place.endpoint)
  try {
    const near = await driverOf(place, place.endpoint)
    const ids = []
    for (let index = 0; index < COUNT; index++) {
      const spec = { name: `volume-${index}`, sizeGiB: 1, labels: {} }
      ids.push((await near.createVolume(spec)).id)
    }
    return [...(await listRows(place, counter)), await attachRow(place, counter, ids)]
  } finally {
    await counter.close()
  }
}

async function listRows(place, counter) {
  const { where } = place
  const counted = await driverOf(place, counter.url)
  const near = await driverOf(place, place.endpoint)
  const theirs = new RexrayVirtualbox(place.endpoint, place.machine)
  const first = await counter.during(() => counted.volumes())
  const again = await counter.during(() => counted.volumes())
  const rexray = await counter.during(() => new RexrayVirtualbox(counter.url, place.machine).list())
  const cold = await milliseconds(() => near.volumes())
  const ours = []
  const other = []
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await milliseconds(() => near.volumes()))
    other.push(await milliseconds(() => theirs.list()))
  }
  const ratio = again / rexray
  const reference = `REX-Ray ${rexray} calls, ${median(other).toFixed(0)} ms`
  return [
    {
      what: `VirtualBox: first list of ${COUNT} volumes (${where})`,
      ours: `${first} calls, ${cold.toFixed(0)} ms`,
      reference,
      ratio: first / rexray,
    },
    {
      what: `VirtualBox: list of ${COUNT} volumes (${where})`,
      ours: `${again} calls, ${median(ours).toFixed(0)} ms`,
      reference,
      ratio,
      target: { text: '<= 0.1 of the calls', met: ratio <= 0.1 },
    },
  ]
}

async function attachRow(place, counter, ids) {
  const { machine, where } = place
  const counted = await driverOf(place, counter.url)
  const near = await driverOf(place, place.endpoint)
  const [id] = ids
  // So that a logon, and who this machine is, are no part of it, as in a server that runs.
  for (const driver of [counted, near]) {
    await driver.attachVolume(id, machine)
    await driver.detachVolume(id, machine)
  }
  const calls = await counter.during(() => counted.attachVolume(id, machine))
  await counted.detachVolume(id, machine)
  const rexray = await counter.during(() => new RexrayVirtualbox(counter.url, machine).attach(id))
  await near.detachVolume(id, machine)
  const theirs = new RexrayVirtualbox(place.endpoint, machine)
  const ours = []
  const other = []
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await milliseconds(() => near.attachVolume(id, machine)))
    await near.detachVolume(id, machine)
    other.push(await milliseconds(() => theirs.attach(id)))
    await near.detachVolume(id, machine)
  }
  return {
    what: `VirtualBox: attach of one of ${COUNT} volumes (${where})`,
    ours: `${calls} calls, ${median(ours).toFixed(0)} ms`,
    reference: `REX-Ray ${rexray} calls, ${median(other).toFixed(0)} ms`,
    ratio: calls / rexray,
    target: { text: '< REX-Ray', met: calls < rexray },
  }
}

/** The driver as a process on the machine has it. */
async function driverOf({ parts, guest, libDirectory, volumePath }, endpoint) {
  const { diskIDPath, scsiHostPath, sysfs, dev } = guest
  const settings = { endpoint, volumePath, diskIDPath, scsiHostPath }
  const { driver } = await parts.createVirtualboxProvider(
    parts.virtualboxSettings.parse(settings),
    { service: 'virtualbox', libDirectory, run: parts.run },
    { sysfs, dev, pace: 1, timeoutMs: 30_000 },
  )
  return driver
}

async function milliseconds(work) {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** A way to the web service that counts what is asked for. */
async function startCounter(endpoint) {
  let calls = 0
  const server = createServer(async (request, response) => {
    calls += 1
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const { status, text } = await post(endpoint, Buffer.concat(chunks))
    response.writeHead(status, { 'content-type': 'text/xml', connection: 'close' }).end(text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async during(work) {
      const before = calls
      await work()
      return calls - before
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

/** How many callers there are at once. */
const CALLERS = 8

/** The bytes of one call as Docker sends it. */
export function requestOf(call, body) {
  const payload = `${JSON.stringify(body)}\n`
  return Buffer.from(
    `POST /VolumeDriver.${call} HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n` +
      `Content-Length: ${Buffer.byteLength(payload)}\r\n` +
      `Accept: application/vnd.docker.plugins.v1.2+json\r\n\r\n${payload}`,
  )
}

/** One call over a connection of its own. Resolves with the whole reply as text; rejects unless it is a 200. */
export function once(socket, request) {
  return new Promise((resolve, reject) => {
    const chunks = []
    const connection = connect(socket, () => connection.write(request))
    connection.on('data', (chunk) => chunks.push(chunk))
    connection.once('error', reject)
    connection.once('end', () => {
      const reply = Buffer.concat(chunks)
      if (reply.subarray(9, 12).toString() === '200') resolve(reply)
      else reject(new Error(`answered ${reply.toString().slice(0, 500)}`))
    })
  })
}

/** Calls from several callers at once, until `seconds` or `calls` are over. Resolves with how it went. */
export async function load(socket, requests, { seconds = 3, calls = 20_000 } = {}) {
  const began = performance.now()
  const end = began + seconds * 1000
  let sent = 0
  const caller = async () => {
    while (sent < calls && performance.now() < end) {
      await once(socket, requests[sent++ % requests.length])
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return { calls: sent, perSecond: (sent / (performance.now() - began)) * 1000 }
}

/** Seconds of processor time that a process has used. */
export function processorSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // Clock ticks, of which Linux shows 100 a second.
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Resident memory of a process, in MiB. */
export function residentMiB(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
}

/** The value in the middle; of an even number the upper one of the two. */
export function median(values) {
  return quantile(values, 0.5)
}

/** The value below which this share of all values lies. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

// Runs the measurements named as arguments, or all, and prints one table.
import { cpus, loadavg } from 'node:os'
import * as calls from './calls.mjs'
import * as doctor from './doctor.mjs'
import * as dvdcli from './dvdcli.mjs'
import * as ebs from './ebs.mjs'
import * as ebsMemory from './ebs-memory.mjs'
import * as ledger from './ledger.mjs'
import * as list from './list.mjs'
import * as ls from './ls.mjs'
import * as many from './many.mjs'
import * as memory from './memory.mjs'
import * as mount from './mount.mjs'
import * as reconcile from './reconcile.mjs'
import * as restart from './restart.mjs'
import * as start from './start.mjs'
import * as takeOver from './take-over.mjs'
import * as virtualbox from './virtualbox.mjs'

const measurements = {
  calls,
  doctor,
  dvdcli,
  list,
  ls,
  mount,
  many,
  memory,
  start,
  takeOver,
  reconcile,
  restart,
  ledger,
  ebs,
  ebsMemory,
  virtualbox,
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(measurements)
const unknown = wanted.filter((name) => !(name in measurements))
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; there are ${Object.keys(measurements).join(', ')}`)
  process.exit(1)
}

const rows = [['measured', 'remora', 'compared with', 'ratio', 'target', '']]
for (const name of wanted) {
  console.error(`${measurements[name].title} …`)
  for (const { what, ours, reference = '', ratio, target } of await measurements[name].run())
    rows.push([
      what,
      ours,
      reference,
      ratio === undefined ? '' : ratio.toFixed(2),
      target?.text ?? '',
      verdict(target),
    ])
}

const busy = loadavg()[0]?.toFixed(1)
console.log(
  `\nNode ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}, load ${busy}; times are medians\n`,
)
const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
for (const row of rows)
  console.log(
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  )

function verdict(target) {
  if (target === undefined) return ''
  return target.met ? 'met' : 'MISSED'
}

/**
 * Appends numbered lines to the file that it is given, each with fsync, and says a number when its line is durable. What
 * is refused it tries again for ever, with the file opened anew, and says `refused` and why.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const [, , path] = process.argv
const held = openSync(path, 'a')
for (let number = 1; ; number++) {
  try {
    append(held, number)
    writeSync(1, `${number}\n`)
  } catch (error) {
    writeSync(1, `refused ${error.code}\n`)
    reopen(number)
    await sleep(20)
  }
}

function append(file, number) {
  writeSync(file, `${number}\n`)
  fsyncSync(file)
}

function reopen(number) {
  try {
    const file = openSync(path, 'a')
    append(file, number)
    writeSync(1, `${number}\n`)
    closeSync(file)
  } catch (error) {
    writeSync(1, `refused ${error.code}\n`)
  }
}

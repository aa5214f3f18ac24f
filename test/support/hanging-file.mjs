// The other end of a file system that is one file (fuse(4)), whose file 9 is: it tells all about the file, and never
// answers who reads it. Usage: hanging-file.mjs SIZE
import { readSync, writeSync } from 'node:fs'

const FUSE = 9
const HEADER = 16
const [FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT, INTERRUPT] = [
  2, 3, 14, 15, 18, 25, 26, 36,
]
const SILENT = [FORGET, READ, INTERRUPT]
const NOT_IMPLEMENTED = -38
const REGULAR_FILE = 0o100600

const answers = new Map([
  [INIT, filled(24, (body) => body.writeUInt32LE(7, 0) && body.writeUInt32LE(19, 4))],
  [GETATTR, filled(104, attributes)],
  [OPEN, Buffer.alloc(16)],
  [FLUSH, Buffer.alloc(0)],
  [RELEASE, Buffer.alloc(0)],
])

function filled(length, fill) {
  const body = Buffer.alloc(length)
  fill(body)
  return body
}

function attributes(body) {
  const size = BigInt(process.argv[2])
  body.writeBigUInt64LE(1n, 16)
  body.writeBigUInt64LE(size, 24)
  body.writeBigUInt64LE(size / 512n, 32)
  body.writeUInt32LE(REGULAR_FILE, 76)
  body.writeUInt32LE(1, 80)
}

const request = Buffer.alloc(1 << 20)
for (;;) {
  readSync(FUSE, request)
  const opcode = request.readUInt32LE(4)
  if (SILENT.includes(opcode)) continue
  const body = answers.get(opcode)
  const answer = Buffer.concat([Buffer.alloc(HEADER), body ?? Buffer.alloc(0)])
  answer.writeUInt32LE(answer.length, 0)
  answer.writeInt32LE(body === undefined ? NOT_IMPLEMENTED : 0, 4)
  request.copy(answer, 8, 8, 16)
  writeSync(FUSE, answer)
}

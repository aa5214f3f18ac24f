import { beforeEach, describe, expect, test } from 'vitest'
import { FailedPreconditionError } from '../../src/libstorage/errors.ts'
import { idempotent } from '../../src/libstorage/idempotent.ts'
import { observed } from '../../src/libstorage/observed.ts'
import { MemoryPlatform } from '../support/memory-platform.ts'
import { RecordingLogger } from '../support/recording-logger.ts'

const UNKNOWN = 'vol-0123456789abcdef0'

let platform: MemoryPlatform
let logger: RecordingLogger
beforeEach(() => {
  platform = new MemoryPlatform()
  logger = new RecordingLogger()
})
const driver = () => platform.provider('here').driver

describe('a repeat', () => {
  test('of remove and of detach is a success', async () => {
    const repeatable = idempotent(driver())
    await expect(repeatable.removeVolume(UNKNOWN)).resolves.toBeUndefined()
    await expect(repeatable.detachVolume(UNKNOWN, 'here')).resolves.toBeUndefined()
  })

  test('of nothing else hides that the volume is not there', async () => {
    const repeatable = idempotent(driver())
    await expect(repeatable.volume(UNKNOWN)).rejects.toThrow('not found')
    await expect(repeatable.attachVolume(UNKNOWN, 'here')).rejects.toThrow('not found')
  })

  test('passes on every other refusal', async () => {
    const { id } = platform.add({ name: 'data' })
    platform.attachByHand(id, 'there')
    await expect(idempotent(driver()).removeVolume(id)).rejects.toThrow(FailedPreconditionError)
  })
})

describe('what is logged of a driver', () => {
  test('a change is one line at debug, with what was changed and how long it took', async () => {
    const watched = observed(driver(), logger)
    const { id } = await watched.createVolume({ name: 'data', sizeGiB: 2, labels: {} })
    await watched.attachVolume(id, 'here')
    await watched.detachVolume(id, 'here', { force: true })
    await watched.removeVolume(id)
    expect(logger.lines.map(({ level, message }) => [level, message])).toEqual([
      ['debug', 'driver create'],
      ['debug', 'driver attach'],
      ['debug', 'driver detach'],
      ['debug', 'driver remove'],
    ])
    expect(logger.lines.map(({ fields }) => fields)).toEqual([
      { driver: 'memory', volume: 'data', sizeGiB: 2, durationMs: expect.any(Number) },
      { driver: 'memory', volumeId: id, instance: 'here', durationMs: expect.any(Number) },
      {
        driver: 'memory',
        volumeId: id,
        instance: 'here',
        force: true,
        durationMs: expect.any(Number),
      },
      { driver: 'memory', volumeId: id, durationMs: expect.any(Number) },
    ])
  })

  test('look-ups and refusals are at debug, a refusal with its sentence', async () => {
    const watched = observed(driver(), logger)
    await watched.volumes({ name: 'data' })
    await expect(watched.removeVolume(UNKNOWN)).rejects.toThrow('not found')
    expect(logger.lines).toMatchObject([
      { level: 'debug', message: 'driver volumes', fields: { name: 'data' } },
      {
        level: 'debug',
        message: 'driver remove refused',
        fields: { volumeId: UNKNOWN, error: `volume "${UNKNOWN}" not found` },
      },
    ])
  })

  test('the key of an encrypted volume is never in it', async () => {
    await observed(driver(), logger).createVolume({
      name: 'data',
      sizeGiB: 1,
      encryptionKey: 'a-secret',
      labels: { secret: 'a-secret' },
    })
    expect(JSON.stringify(logger.lines)).not.toContain('a-secret')
  })
})

import { expect, test } from 'vitest'
import { habitatOf, isSameHabitat, readHabitat } from '../../src/doctor/habitat.ts'

const ID = 'c94360b92cacb43365c7631228e603f56533dda2ea8bf17cd9ca7ac6454ee435'
const mount = (root: string, point: string) =>
  `97 72 254:0 ${root} ${point} rw,relatime - ext4 /dev/vda rw`
const OVERLAY = '97 72 0:39 / / rw,relatime master:44 - overlay overlay rw'

test.each([
  ['Docker', `/var/lib/docker/containers/${ID}/hostname`, '/etc/hostname'],
  ['an engine whose data has a disk of its own', `/containers/${ID}/hosts`, '/etc/hosts'],
  [
    'Podman',
    `/containers/storage/overlay-containers/${ID}/userdata/resolv.conf`,
    '/etc/resolv.conf',
  ],
])('a container of %s is known by its files', (_engine, root, point) => {
  expect(habitatOf([OVERLAY, mount(root, point)].join('\n'))).toEqual({ kind: 'container', id: ID })
})

test.each([`/var/lib/docker/plugins/${ID}/rootfs`, `/plugins/${ID}/rootfs`])(
  'a managed plugin is known by its root %s',
  (root) => {
    expect(habitatOf(mount(root, '/'))).toEqual({ kind: 'plugin', id: ID })
  },
)

test('a machine that has containers is none', () => {
  const theirs = `/var/lib/docker/containers/${ID}/mounts/shm`
  expect(habitatOf([mount('/', '/'), mount('/', theirs)].join('\n'))).toEqual({ kind: 'machine' })
  expect(habitatOf('')).toEqual({ kind: 'machine' })
})

test('two processes of one container are in the same place, those of two are not', () => {
  const [one, other] = [ID, 'a'.repeat(64)].map((id) => ({ kind: 'container', id }) as const)
  if (one === undefined || other === undefined) throw new Error('there are two')
  expect(isSameHabitat(one, { ...one })).toBe(true)
  expect(isSameHabitat(one, other)).toBe(false)
  expect(isSameHabitat(one, { kind: 'plugin', id: one.id })).toBe(false)
  expect(isSameHabitat(readHabitat(), readHabitat(process.pid))).toBe(true)
})

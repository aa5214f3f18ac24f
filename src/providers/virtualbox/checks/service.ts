import type { Check, Finding } from '../../../libstorage/check.ts'
import { PermissionDeniedError, systemCode, TimeoutError } from '../../../libstorage/errors.ts'
import { fail, pass, warn } from '../../../libstorage/findings.ts'
import type { Examined } from './examined.ts'

/** By whole numbers: major times hundred, and minor. */
const OLDEST = { number: 500, name: '5.0' }
const NEWEST = { number: 702, name: '7.2' }
/** Where a guest behind NAT sees its host (VirtualBox manual, "Network Address Translation"). */
const NAT_HOST = /^10\.0\.\d+\.2$/

/** Whether a web service of VirtualBox answers at all. */
export function serviceCheck(examined: Examined): Check {
  return {
    id: 'virtualbox.service',
    title: 'the web service of the host',
    after: ['machine.configuration'],
    async run(signal) {
      const begun = performance.now()
      try {
        await examined.reach(signal)
      } catch (error) {
        return [unreached(examined, error)]
      }
      const tookMs = Math.max(1, Math.round(performance.now() - begun))
      return [pass(`${examined.endpoint} answers within ${tookMs} ms`)]
    },
  }
}

/** Whether it takes the user and the password. */
export function logonCheck(examined: Examined): Check {
  return {
    id: 'virtualbox.logon',
    title: 'the logon at the web service',
    after: ['machine.configuration', 'virtualbox.service'],
    async run(signal) {
      const { userName } = examined.settings
      try {
        await examined.ask('the logon', async () => {}, signal)
      } catch (error) {
        if (!(error instanceof PermissionDeniedError)) throw error
        return [
          fail(
            error.finding,
            'correct virtualbox.userName and virtualbox.password',
            'or turn authentication off on the host: VBoxManage setproperty websrvauthlibrary null',
            'or, if nothing was changed there, restart vboxwebsrv: it says the same when its service has crashed',
          ),
        ]
      }
      return [
        pass(
          userName === undefined
            ? 'the web service asks nobody who he is'
            : `the web service takes user ${userName}`,
        ),
      ]
    },
  }
}

/** Whether it is of a version that has all that is asked of it. */
export function versionCheck(examined: Examined): Check {
  return {
    id: 'virtualbox.version',
    title: 'the version of VirtualBox',
    after: ['machine.configuration', 'virtualbox.service', 'virtualbox.logon'],
    run: (signal) =>
      examined.ask(
        'the version of VirtualBox',
        async (session) => {
          const asked = { _this: session.root }
          const api = await session.call('IVirtualBox_getAPIVersion', asked, signal)
          const version = await session.call('IVirtualBox_getVersion', asked, signal)
          return [judged(api, `VirtualBox ${version}`)]
        },
        signal,
      ),
  }
}

function judged(api: string, seen: string): Finding {
  const [major = 0, minor = 0] = api.split('_').map(Number)
  const number = major * 100 + minor
  if (number < OLDEST.number)
    return fail(
      `${seen} is older than ${OLDEST.name}, and lacks what is asked of it`,
      `install VirtualBox ${OLDEST.name} or newer on the host`,
    )
  if (number > NEWEST.number)
    return warn(
      `${seen} is newer than ${NEWEST.name}, the last that is known here`,
      'see whether there is a newer version of this program',
    )
  return pass(seen)
}

/** What speaks another language, or shows a strange certificate, says itself what is to be done. */
function unreached(examined: Examined, error: unknown): Finding {
  const seen = error instanceof Error && 'finding' in error ? String(error.finding) : String(error)
  const code = systemCode(error instanceof Error ? error.cause : undefined) ?? ''
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return fail(seen, 'correct virtualbox.endpoint, or the name service of this machine')
  const isClosed = /^E(?:CONNREFUSED|HOSTUNREACH|NETUNREACH|TIMEDOUT)$/.test(code)
  if (!isClosed && !(error instanceof TimeoutError)) throw error
  const { hostname, port } = new URL(examined.endpoint)
  const isNat = NAT_HOST.test(hostname)
  const own = port === '' || port === '18083' ? '' : ` -p ${port}`
  return fail(
    seen,
    `vboxwebsrv -H ${isNat ? '127.0.0.1' : hostname}${own} --background   # on the host, as the user who owns the machines`,
    'or restart it there: it does not listen, and runs on, where its port was taken; its log says so',
    isNat
      ? 'VBoxManage modifyvm <this machine> --nat-localhostreachable1 on   # since VirtualBox 7, of the adapter with NAT'
      : 'and let the firewall of the host pass what comes from here',
  )
}

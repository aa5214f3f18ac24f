import { perform } from './performance.ts'
import { type Host, Stage } from './stage.ts'
import { say } from './telling.ts'

const tools = [
  ...['dockerd', 'docker', 'busybox', 'unshare', 'nsenter', 'losetup', 'mknod', 'perl'],
  ...['mkfs.ext4', 'chattr', 'tar'],
]
const run = ['run', '--network', 'none', '--volume', 'data:/data']

const stage = new Stage()
await perform(tools, stage, async () => {
  await stage.open()
  console.log('Two instances of a simulated EC2 start on this machine …')
  const [one, two] = await Promise.all([stage.host('one'), stage.host('two')])
  say(
    `one is ${one.instanceId}, two is ${two.instanceId}; each has Remora and a Docker engine of its own.`,
  )
  await story(one, two)
  if (process.env['STAY']) await stay(one, two)
})

async function story(one: Host, two: Host): Promise<void> {
  stage.showEc2('data')
  say('A volume is made.')
  await stage.docker(one, 'volume', 'create', '--driver', 'rexray', '--opt', 'size=1', 'data')
  stage.showEc2('data')

  say('A container writes to it: the volume is attached, formatted and mounted.')
  await stage.docker(one, ...run, '--detach', '--name', 'db', 'busybox', 'sleep', '1000')
  await stage.docker(one, 'exec', 'db', 'sh', '-c', 'echo hello > /data/greeting')
  stage.showEc2('data')

  say('The container restarts: the volume has stayed where it was.')
  await stage.docker(one, 'restart', '-t', '1', 'db')
  await stage.docker(one, 'exec', 'db', 'cat', '/data/greeting')
  stage.showEc2('data')

  say('While it runs nobody takes the volume from it.')
  const elsewhere = [...run, '--rm', '--volume-driver', 'rexray', 'busybox', 'cat']
  await stage.refused(two, ...elsewhere, '/data/greeting')
  stage.showEc2('data')

  say('The container goes, and the volume with its data follows to the other instance.')
  await stage.docker(one, 'rm', '--force', 'db')
  await stage.untilFree('data')
  stage.showEc2('data')
  await stage.docker(two, ...elsewhere, '/data/greeting')
  await stage.untilFree('data')
  stage.showEc2('data')

  say('It is removed.')
  await stage.docker(two, 'volume', 'rm', 'data')
  stage.showEc2('data')
}

/** Leaves everything running until Ctrl-C. */
async function stay(one: Host, two: Host): Promise<void> {
  say(`Go on by yourself, as root in another terminal; Ctrl-C here ends it.
  export DOCKER_HOST=${one.engine.address}   # two: ${two.engine.address}
  docker volume create --driver rexray --opt size=1 mine
  docker run --rm --network none --volume mine:/data busybox df -h /data
  docker volume rm mine`)
  await stage.over
}

import { basename, resolve } from 'node:path'
import type { Host, Surroundings } from './cli/context.ts'
import { readQuickRequest } from './cli/quick/request.ts'
import { shellWord } from './libstorage/shell.ts'
import { OwnOutput } from './own-output.ts'

const [, script = 'remora', ...args] = process.argv
/** A link to the program, or a copy of it, is called by its own name. */
const programName = basename(script).replace(/\.c?js$/, '')

/** The exit status of a program whose work was never done, as node says it of a module. */
const UNSETTLED = 13

const own = new OwnOutput(process)

// What ends before its command has ended is no success.
process.exitCode = UNSETTLED
void main().then((status) => {
  process.exitCode = status || (own.isLost ? 1 : 0)
})

async function main(): Promise<number> {
  if (programName === 'dvdcli') {
    const { runDvdcli } = await import('./cli/dvdcli/dvdcli.ts')
    const home = process.env['REXRAY_HOME']
    return await runDvdcli(args, {
      scriptPath: script,
      stdout: own,
      get stderr() {
        return own.stderr
      },
      roots: [...(home ? [home] : []), '/'],
    })
  }
  if (!isVersionRequest()) return (await quickStatus()) ?? (await programStatus())
  const { versionText } = await import('./cli/version.ts')
  own.write(versionText(script))
  return 0
}

async function programStatus(): Promise<number> {
  const { runProgram } = await import('./cli/program.ts')
  return await runProgram(args, surroundings())
}

/** The exit status of a command that needs not the whole program; undefined where it does. */
async function quickStatus(): Promise<number | undefined> {
  const request = readQuickRequest(args)
  if (request === undefined) return undefined
  const [{ runQuickly }, { findAnswers }, input] = await Promise.all([
    import('./cli/quick/run.ts'),
    import('./config/find-answers.ts'),
    configInput(),
  ])
  // While a server answers there is time to make it.
  setImmediate(() => own.stdout)
  return await runQuickly(request, surroundings(), (flags) => findAnswers(input, flags))
}

/** Whether the version is asked for and nothing else, so that nothing else has to be loaded. */
function isVersionRequest(): boolean {
  return args.length === 1 && (args[0] === 'version' || args[0] === '--version')
}

/** The way to call the program again from anywhere, with the same home. */
function invocation(): string {
  const name = basename(script)
  const home = process.env['REXRAY_HOME']
  const program = name.endsWith('.js') ? `node ${shellWord(resolve(script))}` : name
  return home === undefined || home === ''
    ? program
    : `REXRAY_HOME=${shellWord(resolve(home))} ${program}`
}

function surroundings(): Surroundings {
  return {
    programName: programName === 'rexray' ? 'rexray' : 'remora',
    scriptPath: script,
    invocation: invocation(),
    stdout: own,
    get stderr() {
      return own.stderr
    },
    signals: process,
    exit: (status) => process.exit(status),
    examineConfig: examine,
    openChecks: checksOf,
    openPolicies: policiesEverywhere,
    settingFlags: listSettingFlags,
    readSwitches: readAllSwitches,
    host: {
      ...hostFacts(),
      directories: async () => {
        const [{ resolveDirectories }, input] = await Promise.all([
          import('./config/directories.ts'),
          configInput(),
        ])
        return resolveDirectories(input)
      },
      loadConfig: async (flags) => {
        const [{ loadConfig }, { providers }, input] = await Promise.all([
          import('./config/load.ts'),
          import('./providers/index.ts'),
          configInput(),
        ])
        return await loadConfig({ ...input, flags, drivers: providers, reader: 'command' })
      },
    },
    openApp: async (use, flags) => {
      const [{ openApp }, input] = await Promise.all([
        import('./app.ts'),
        configInput(),
        prepareForTools(),
      ])
      if (use === 'server') await keepYoungGenerationSmall()
      return await openApp(use, { ...input, flags, stderr: own.stderr })
    },
  }
}

async function checksOf(...[flags, volume]: Parameters<Surroundings['openChecks']>) {
  const [{ openChecks }, { readHabitat }, { providers }, input] = await Promise.all([
    import('./open-checks.ts'),
    import('./doctor/habitat.ts'),
    import('./providers/index.ts'),
    configInput(),
    prepareForTools(),
  ])
  return await openChecks({ ...input, flags, volume, drivers: providers, habitat: readHabitat() })
}

/** What is run from here finds the system's tools, and speaks English. */
async function prepareForTools() {
  const { prepareToolEnvironment } = await import('./config/environment.ts')
  Object.assign(process.env, prepareToolEnvironment(process.env))
}

/** A server's calls leave little behind, for which V8 would let its young generation grow by some 30 MiB. */
async function keepYoungGenerationSmall() {
  const { setFlagsFromString } = await import('node:v8')
  setFlagsFromString('--semi-space-growth-factor=1')
}

async function examine(...[flags]: Parameters<Surroundings['examineConfig']>) {
  const [{ examineConfiguration }, { providers }, input] = await Promise.all([
    import('./examine-configuration.ts'),
    import('./providers/index.ts'),
    configInput(),
  ])
  return await examineConfiguration({ ...input, flags }, providers)
}

async function listSettingFlags() {
  const [{ settingFlags }, { providers }] = await Promise.all([
    import('./config/setting-flags.ts'),
    import('./providers/index.ts'),
  ])
  return settingFlags(providers)
}

async function readAllSwitches() {
  const [{ readSwitches }, { providers }] = await Promise.all([
    import('./config/setting-flags.ts'),
    import('./providers/index.ts'),
  ])
  return readSwitches(providers)
}

async function policiesEverywhere(flags: Parameters<Surroundings['openPolicies']>[0]) {
  const [{ openPolicies }, { providers }, input] = await Promise.all([
    import('./open-policies.ts'),
    import('./providers/index.ts'),
    configInput(),
    prepareForTools(),
  ])
  return await openPolicies({ ...input, flags, drivers: providers }, providers)
}

async function configInput() {
  const homeDirectory = process.env['HOME'] || (await homeInPasswd())
  return { env: process.env, uid: process.getuid?.() ?? 0, homeDirectory }
}

/** A container's user may have neither HOME nor an entry in passwd(5). */
async function homeInPasswd(): Promise<string> {
  const { userInfo } = await import('node:os')
  try {
    return userInfo().homedir
  } catch {
    return '/'
  }
}

function hostFacts(): Omit<Host, 'directories' | 'loadConfig'> {
  const home = process.env['REXRAY_HOME']
  const command = [process.execPath, resolve(script)]
  return {
    home: home === undefined || home === '' ? undefined : resolve(home),
    command,
    run: async (...call) => (await import('./libstorage/run.ts')).run(...call),
    systemd: async () => (await import('./cli/service/systemd.ts')).ownSystemd(),
    startServer: async (args, logFile) => {
      const { spawnServer } = await import('./cli/service/spawn-server.ts')
      return spawnServer([...command, ...args], logFile)
    },
    signal: (pid, signal) => process.kill(pid, signal),
    habitat: async () => (await import('./doctor/habitat.ts')).readHabitat(),
    readInput: async () => (await import('node:fs')).readFileSync(0, 'utf8'),
  }
}

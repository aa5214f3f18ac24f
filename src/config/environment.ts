import { readFileSync } from 'node:fs'

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Where variables stand that a process does not have. */
export const ENVIRONMENT_FILE = '/etc/environment'

const SYSTEM_TOOLS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** The variable that sets a key, as REX-Ray names it: `ebs.accessKey` is `EBS_ACCESSKEY`. */
export function environmentName(key: string): string {
  return key.replaceAll('.', '_').toUpperCase()
}

/** The flag that sets a key, without its dashes, as REX-Ray names it: `ebs.accessKey` is `ebsAccessKey`. */
export function flagName(key: string): string {
  const [first = '', ...later] = key.split('.')
  return lowerFirst(first) + later.map(upperFirst).join('')
}

/** What is the same in all spellings of a key or its flag. */
export function flagIdentity(keyOrFlag: string): string {
  return keyOrFlag.replaceAll('.', '').toLowerCase()
}

/**
 * The variables of a process, and those of `/etc/environment` that it does not have, as REX-Ray reads them. One that is
 * empty counts as not set.
 */
export function completeEnvironment(env: Environment, file: string): Environment {
  const given = Object.entries(env).filter(([, value]) => value !== undefined && value !== '')
  return { ...parseEnvironmentFile(textOf(file)), ...Object.fromEntries(given) }
}

/** The text of a file, which need not be there. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Reads `NAME=value` lines, as pam_env does: `export` before the name and quotes around the value are left out. */
export function parseEnvironmentFile(text: string): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const { name, value } = /^\s*(?:export\s+)?(?<name>\w+)=(?<value>.*)$/.exec(line)?.groups ?? {}
    if (name !== undefined && value !== undefined) variables[name] = unquoted(value.trim())
  }
  return variables
}

const VARIABLE = /\$(?:\{(\w+)\}|([A-Za-z_]\w*))/g

/** Replaces `$NAME` and `${NAME}` by the variable's value, which is empty where there is none; other dollar signs stay. */
export function expandVariables(text: string, env: Environment): string {
  return text.replace(
    VARIABLE,
    (_match, braced: string | undefined, bare: string | undefined) =>
      env[braced ?? bare ?? ''] ?? '',
  )
}

/** Whether a text has variables that are not set. */
export function lacksVariables(text: string, env: Environment): boolean {
  return [...text.matchAll(VARIABLE)].some(
    ([, braced, bare]) => env[braced ?? bare ?? ''] === undefined,
  )
}

/**
 * The environment for the tools and libraries that are run: messages in English, the directories of the system's own
 * tools, and no advice of the AWS SDK about Node, which is for us to follow and not for users to read.
 */
export function prepareToolEnvironment(env: Environment): Record<string, string | undefined> {
  const path = (env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin').split(':')
  const missing = SYSTEM_TOOLS.filter((directory) => !path.includes(directory))
  return {
    ...env,
    LC_ALL: 'C',
    PATH: [...path, ...missing].join(':'),
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  }
}

function unquoted(text: string): string {
  return /^(?<quote>["'])(?<inside>.*)\k<quote>$/.exec(text)?.groups?.['inside'] ?? text
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

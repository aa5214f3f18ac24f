import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Directories } from './config.ts'
import type { Environment } from './environment.ts'

/** What decides where things lie on this host. */
export interface DirectoriesInput {
  readonly env: Environment
  readonly uid: number
  readonly homeDirectory: string
}

/**
 * Root's places are REX-Ray's; `REXRAY_HOME` moves all of them, and a user who is not root has `~/.rexray` for it.
 * `REXRAY_HOME_ETC`, `_LIB`, `_LOG` and `_RUN` move one each, where the path exists; what is logged begins anew anywhere,
 * so that for `_LOG` the folder above is enough. Creates nothing.
 */
export function resolveDirectories(input: DirectoriesInput): Directories {
  const { env } = input
  const home = programHome(input)
  const name = home === '/' ? 'rexray' : ''
  const place = (variable: string, ...usual: string[]) => {
    const moved = env[`REXRAY_HOME_${variable}`]
    const needed = moved && variable === 'LOG' ? dirname(resolve(moved)) : moved
    return moved && needed && existsSync(needed) ? resolve(moved) : join(home, ...usual, name)
  }
  return {
    etc: place('ETC', 'etc'),
    lib: place('LIB', 'var', 'lib'),
    log: place('LOG', 'var', 'log'),
    run: place('RUN', 'var', 'run'),
    plugins: join(home, 'run', 'docker', 'plugins'),
  }
}

function programHome({ env, uid, homeDirectory }: DirectoriesInput): string {
  const configured = env['REXRAY_HOME']
  if (configured) return resolve(configured)
  return uid === 0 ? '/' : resolve(homeDirectory, '.rexray')
}

import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { makeHome } from './servers.mjs'

const support = fileURLToPath(new URL('../test/support/mount-world.ts', import.meta.url))
const ledger = fileURLToPath(new URL('../src/mount/ledger.ts', import.meta.url))

/**
 * The mount manager with a real ledger and real locks, over a platform and kernels in memory: what `mount-world.ts` of the
 * tests and `ledger.ts` export.
 */
export async function loadWorlds() {
  const folder = makeHome()
  const outfile = join(folder, 'worlds.mjs')
  try {
    await build({
      stdin: {
        contents: `export * from ${JSON.stringify(support)}; export * from ${JSON.stringify(ledger)}`,
        resolveDir: dirname(support),
      },
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
    })
    return await import(pathToFileURL(outfile))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

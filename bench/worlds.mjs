import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { makeHome } from './servers.mjs'

/**
 * The mount manager with a real ledger and real locks, over a platform and kernels in memory: what `mount-world.ts` of the
 * tests and `ledger.ts` export.
 */
export function loadWorlds() {
  return load('../test/support/mount-world.ts', '../src/mount/ledger.ts')
}

/** The simulated region of EC2: what `simulator.ts` of the tests exports. */
export function loadSimulator() {
  return load('../test/support/ec2/simulator.ts')
}

/** The provider of VirtualBox, and the web services and guests that the tests give it. */
export function loadVirtualbox() {
  return load(
    '../test/support/virtualbox/real-service.ts',
    '../test/support/virtualbox/real-world.ts',
    '../test/support/virtualbox-world.ts',
    '../src/providers/virtualbox/index.ts',
    '../src/providers/virtualbox/config.ts',
    '../src/libstorage/run.ts',
  )
}

async function load(...modules) {
  const files = modules.map((module) => fileURLToPath(new URL(module, import.meta.url)))
  const folder = makeHome()
  const outfile = join(folder, 'worlds.mjs')
  try {
    await build({
      stdin: {
        contents: files.map((file) => `export * from ${JSON.stringify(file)}`).join(';'),
        resolveDir: dirname(files[0]),
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

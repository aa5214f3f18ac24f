import { defineConfig } from 'vitest/config'
import { reporters } from './test/support/continuous-integration.ts'

/** `make e2e`: the built program against real devices, file systems and engines; one file at a time, for the machine is one. */
export default defineConfig({
  test: {
    reporters: reporters(),
    // What a command said is worth more than how long the message is.
    chaiConfig: { truncateThreshold: 1_000 },
    globalSetup: new URL('./test/support/end-to-end-needs.ts', import.meta.url).pathname,
    include: ['test/e2e/**/*.test.ts'],
    fileParallelism: false,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})

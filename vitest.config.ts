import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { reporters } from './test/support/continuous-integration.ts'

/** `make test`: everything that needs neither root's powers over the machine nor an installed engine to be meaningful. */
export default defineConfig({
  define: {
    REMORA_VERSION: JSON.stringify('0.0.0-test'),
    REMORA_COMMIT: JSON.stringify('0123456789ab'),
    REMORA_FORMED: JSON.stringify('Thu, 1 Jan 1970 00:00:00 +0000'),
  },
  test: {
    reporters: reporters(),
    // What a command said is worth more than how long the message is.
    chaiConfig: { truncateThreshold: 1_000 },
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'test/soak/**'],
    // Advice about Node that is for us to follow, not to read with every test.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    testTimeout: 30_000,
    // Tests wait for tools and timers half of the time, so that even a small machine is shared by one more than it has processors.
    maxWorkers: Math.max(Math.min(3, availableParallelism() + 1), availableParallelism() - 1),
    // Of what happens soon a loaded machine makes a while.
    expect: { poll: { timeout: 15_000 } },
  },
})

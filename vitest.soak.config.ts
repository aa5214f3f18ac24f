import { defineConfig } from 'vitest/config'
import { reporters } from './test/support/continuous-integration.ts'

/** `make soak`: histories of several machines, for as long as asked. */
export default defineConfig({
  test: {
    reporters: reporters(),
    include: ['test/soak/**/*.test.ts'],
    testTimeout: 0,
  },
})

import { defineConfig } from "vitest/config";

/**
 * Three kinds of test. `unit` needs nothing but Node; `parts` needs Docker (real Redis and Postgres); `e2e` needs
 * stand-in servers and runs one file at a time, because the machine is shared.
 */
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/**/*.test.ts"], exclude: ["test/parts/**", "test/e2e/**"] } },
      { test: { name: "parts", include: ["test/parts/**/*.test.ts"], fileParallelism: false, testTimeout: 60_000, hookTimeout: 120_000 } },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], fileParallelism: false, testTimeout: 600_000, hookTimeout: 600_000 } },
    ],
  },
});

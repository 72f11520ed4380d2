import { defineConfig } from "vitest/config";

/**
 * Three kinds of test. `unit` needs nothing but Node; `parts` needs Docker (real Redis and Postgres); `e2e` needs
 * stand-in servers. They run in that order, and the last two one file at a time, because the machine is shared.
 */
const docker = { globalSetup: ["test/helpers/docker-setup.ts"], fileParallelism: false };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/parts/**", "test/e2e/**"],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "parts",
          include: ["test/parts/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
          ...docker,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          sequence: { groupOrder: 2 },
          ...docker,
        },
      },
    ],
  },
});

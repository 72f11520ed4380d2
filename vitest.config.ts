import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/**
 * Kinds of test. `unit` needs nothing but Node; `parts` needs Docker (real Redis and Postgres); `e2e` needs stand-in servers. They run in that
 * order: parts one file at a time, stand-ins two (most of a deployment is waiting), and those last and alone that judge the machine itself: its
 * kernel settings, its load, or that nothing is left on it.
 */
const docker = { globalSetup: ["test/helpers/docker-setup.ts"] };
const hosts = { testTimeout: 600_000, hookTimeout: 900_000, ...docker };
const ALONE = ["test/e2e/doctor.test.ts", "test/e2e/rehearse.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/parts/**", "test/e2e/**"],
          // Vitest's own choice is one fewer, which leaves one of two cores idle.
          maxWorkers: Math.max(2, availableParallelism() - 1),
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
          fileParallelism: false,
          ...docker,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          exclude: ALONE,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          ...hosts,
        },
      },
      {
        test: {
          name: "e2e-alone",
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          ...hosts,
        },
      },
    ],
  },
});

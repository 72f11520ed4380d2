import { expect, test } from "vitest";
import { environment } from "../../src/compose/application.ts";
import { stack } from "../helpers/stack.ts";

test("the API's environment: addresses, and files where the secrets are", () => {
  const config = stack({ app: { env: { LOG_LEVEL: "debug" } }, secrets: { app: { SMTP_PASSWORD: "s3cret" } } });
  expect(environment(config, "api")).toMatchInlineSnapshot(`
    {
      "BERTH_PROCESS": "api",
      "BERTH_STARTUP_SECONDS": "180",
      "DATABASE_PASSWORD_FILE": "/run/secrets/postgres_password",
      "DATABASE_URL": "postgres://app@postgres:5432/app",
      "LOG_LEVEL": "debug",
      "NODE_ENV": "production",
      "PORT": "3000",
      "REDIS_PASSWORD_FILE": "/run/secrets/redis_password",
      "REDIS_URL": "redis://redis:6379",
      "SMTP_PASSWORD_FILE": "/run/secrets/SMTP_PASSWORD",
    }
  `);
});

test("API_PROCESSES is there exactly when the API processes jobs", () => {
  expect(environment(stack({ api: { processes: true } }), "api")).toHaveProperty("API_PROCESSES", "true");
  expect(environment(stack(), "api")).not.toHaveProperty("API_PROCESSES");
});

test("the application's settings can override its addresses, and nothing else of Berth's", () => {
  const config = stack({ app: { env: { REDIS_URL: "redis://elsewhere:1", NODE_ENV: "test" } } });
  expect(environment(config, "worker")).toMatchObject({ REDIS_URL: "redis://elsewhere:1", NODE_ENV: "production", BERTH_PROCESS: "worker" });
});

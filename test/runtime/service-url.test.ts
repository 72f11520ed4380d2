import { describe, expect, test } from "vitest";
import { inContainer, resolveRedisUrl, resolveServiceUrl } from "berth-runtime";

const nowhere = (): boolean => false;

describe("resolveRedisUrl", () => {
  test.each([
    ["in development on the host", {}, false, "redis://localhost:6379"],
    ["in a test on the host", { NODE_ENV: "test" }, false, "redis://localhost:6379"],
    ["in development in a container", {}, true, "redis://redis:6379"],
    ["in production on the host", { NODE_ENV: "production" }, false, "redis://redis:6379"],
    ["in production in a container", { NODE_ENV: "production" }, true, "redis://redis:6379"],
  ])("%s", (_where, env, contained, expected) => {
    expect(resolveRedisUrl("redis://redis:6379", env, contained)).toBe(expected);
  });

  test.each([
    ["redis://redis", "redis://localhost"],
    ["redis://:p%40ss@redis:6379/1?family=6", "redis://:p%40ss@localhost:6379/1?family=6"],
    ["rediss://redis:6380", "rediss://localhost:6380"],
    ["redis://redis@redis:6379", "redis://redis@localhost:6379"],
    ["redis://redis-2:6379", "redis://redis-2:6379"],
    ["redis://my.redis:6379", "redis://my.redis:6379"],
    ["redis://127.0.0.1:6379/redis", "redis://127.0.0.1:6379/redis"],
    ["redis", "redis"],
  ])("%s on the host becomes %s", (given, expected) => {
    expect(resolveRedisUrl(given, {}, false)).toBe(expected);
  });

  test("the same for any other service", () => {
    expect(resolveServiceUrl("postgres://app@postgres:5432/postgres", "postgres", {}, false)).toBe("postgres://app@localhost:5432/postgres");
  });
});

describe("inContainer", () => {
  test.each([
    ["Docker's file", {}, "/.dockerenv"],
    ["Podman's file", {}, "/run/.containerenv"],
    ["Kubernetes's variable", { KUBERNETES_SERVICE_HOST: "10.0.0.1" }, ""],
    ["Berth's name of the process", { BERTH_PROCESS: "api" }, ""],
  ])("%s is a sign", (_sign, env, file) => {
    expect(inContainer(env, (path) => path === file)).toBe(true);
  });

  test("told that the services' ports are here, it is a host in spite of the signs", () => {
    expect(inContainer({ BERTH_ON_HOST: "true", BERTH_PROCESS: "api" }, () => true)).toBe(false);
  });

  test("without a sign it is a host", () => {
    expect(inContainer({ NODE_ENV: "development" }, nowhere)).toBe(false);
  });
});

import { describe, expect, test } from "vitest";
import { findImage } from "../../src/verify/checks/containers.ts";
import { cpuWeights } from "../../src/verify/checks/limits.ts";
import { readCanary } from "../../src/verify/gather-others.ts";
import { redact } from "../../src/verify/redact.ts";
import { within } from "../../src/verify/time.ts";
import { bytes, messageOf } from "../../src/verify/words.ts";

test.each([[2, [1, 1]], [128, [5, 21]], [1024, [39, 100]], [4096, [157, 303]], [8192, [313, 532]], [262_144, [10_000, 10_000]]])("cpuWeights of %s shares", (shares, weights) => {
  expect(cpuWeights(shares)).toEqual(weights);
});

describe("findImage", () => {
  const images = [
    { id: "sha256:1", tags: ["redis:8.0.5"], digests: ["redis@sha256:aa"] },
    { id: "sha256:2", tags: ["registry.example:5000/shop:latest"], digests: ["registry.example:5000/shop@sha256:bb"] },
  ];
  test.each([
    ["redis:8.0.5", "sha256:1"], ["docker.io/library/redis:8.0.5", "sha256:1"], ["redis:8.0.5@sha256:aa", "sha256:1"], ["redis@sha256:ab", undefined],
    ["registry.example:5000/shop", "sha256:2"], ["registry.example:5000/shop:1.2@sha256:bb", "sha256:2"], ["redis", undefined],
  ])("%s", (reference, id) => {
    expect(findImage(images, reference)?.id).toBe(id);
  });
});

describe("readCanary", () => {
  test("queues that came back, and one that did not", () => {
    const body = JSON.stringify({ queues: { file: { ok: true, ms: 4.2 }, email: { ok: false, ms: 10_000, reason: "none listens" }, mail: { ok: false, waiting: true } } });
    expect(readCanary({ status: 503, body })).toEqual({
      known: true,
      value: new Map([["file", { ok: true, detail: "came back after 4 ms" }], ["email", { ok: false, detail: "none listens" }], ["mail", { ok: false, detail: "did not come back", waiting: true }]]),
    });
  });
  test.each([["<html>", "the canary's answer is not JSON (status 404)"], ["{}", "the canary's answer names no queue (status 404)"]])("%s", (body, why) => {
    expect(readCanary({ status: 404, body })).toEqual({ known: false, why });
  });
});

test("redact takes secrets out, plain and as JSON has them, and leaves short words", () => {
  expect(redact(`a hunter2hunter2 b "quo\\"te\\"d" c ok`, ["hunter2hunter2", 'quo"te"d', "ok"])).toBe('a [secret] b "[secret]" c ok');
});

describe("time", () => {
  test("within gives the answer, or says who was late", async () => {
    expect(await within(1000, "x", Promise.resolve(1))).toBe(1);
    await expect(within(5, "the facts", new Promise(() => undefined))).rejects.toThrow("the facts: no answer within 5 ms");
  });
});

test("messageOf tells causes, and every address that refused", () => {
  expect(messageOf(new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") }))).toBe("fetch failed: connect ECONNREFUSED");
  expect(messageOf(new AggregateError([new Error("v6 refused"), new Error("v4 refused")], ""))).toBe("v6 refused; v4 refused");
});

test.each([[512, "512 B"], [1024 ** 2 * 192, "192 MiB"], [1.5 * 1024 ** 3, "1.5 GiB"]])("bytes %s", (value, text) => {
  expect(bytes(value)).toBe(text);
});

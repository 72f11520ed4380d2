import { expect, test } from "vitest";
import { imageMajor, isVersioned, parseImage } from "../../src/config/image.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

test.each([
  ["redis", { registry: "docker.io", repository: "redis" }],
  ["redis:8.0.5", { registry: "docker.io", repository: "redis", tag: "8.0.5" }],
  ["index.docker.io/library/redis:8", { registry: "docker.io", repository: "library/redis", tag: "8" }],
  ["example/app:1", { registry: "docker.io", repository: "example/app", tag: "1" }],
  ["localhost/app:1", { registry: "localhost", repository: "app", tag: "1" }],
  ["localhost:5000/app", { registry: "localhost:5000", repository: "app" }],
  ["172.17.0.1:5000/berth/redis:8.0.2", { registry: "172.17.0.1:5000", repository: "berth/redis", tag: "8.0.2" }],
  ["[::1]:5000/app:1", { registry: "[::1]:5000", repository: "app", tag: "1" }],
  [`ghcr.io/a/b__c/d-e:v1@${digest}`, { registry: "ghcr.io", repository: "a/b__c/d-e", tag: "v1", digest }],
  [`registry.example.com:5000/app@${digest}`, { registry: "registry.example.com:5000", repository: "app", digest }],
])("%s", (text, expected) => {
  expect(parseImage(text)).toEqual(expected);
});

test.each([
  "", ":1", "redis:", "redis:8:0", "Redis:8", "redis:8.0 5", "redis:-8", "redis@sha256:abc", `redis@${digest}@${digest}`,
  "a//b:1", "/app:1", "app/:1", "ghcr.io/:1", "-host.example/app:1", "ghcr.io/a--:1", "host:port/app:1", "$(id):1", "app:1\n", `a/${"b".repeat(255)}:1`,
])("%j is no image", (text) => {
  expect(parseImage(text)).toBeUndefined();
});

/** Which tags say the same thing tomorrow. */
test.each([
  ["8.0.5", true], ["8", true], ["v1.4.2", true], ["17.6-bookworm", true], ["2026-05-01", true], ["main-3f2a91c", true], ["git_3f2a91c", true],
  ["3f2a91c8d0e4b5a69788a7c6d5e4f3a2b1c0d9e8", true], ["release-12", true], ["build42", true],
  ["latest", false], ["latest-8", false], ["LATEST", false], ["stable", false], ["main", false], ["alpine", false], ["alpine3.20", false], ["bookworm", false],
  ["lts", false], ["edge", false], ["deadbeef", false],
])("tag %s: one version %s", (tag, expected) => {
  const image = parseImage(`app:${tag}`);
  expect(image && isVersioned(image)).toBe(expected);
});

test.each([
  ["postgres:17.6", 17], ["postgres:17", 17], ["postgres:17-alpine", 17], ["redis:v8.0.5", 8], [`postgres:16.1@${digest}`, 16],
  [`postgres@${digest}`, undefined], ["postgres:bookworm-17", undefined], ["postgres:3f2a91c", undefined], ["postgres:20260101", undefined],
])("major of %s: %s", (text, expected) => {
  const image = parseImage(text);
  expect(image && imageMajor(image)).toBe(expected);
});

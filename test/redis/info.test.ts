import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { infoNumber, parseInfo } from "../../src/redis/info.ts";

const captured = (version: string) => parseInfo(readFileSync(new URL(`captured/info-${version}.txt`, import.meta.url), "utf8"));
const FIELDS = ["redis_version", "loading", "aof_enabled", "aof_last_write_status", "aof_last_bgrewrite_status", "maxmemory", "maxmemory_policy", "evicted_keys", "rejected_connections", "latest_fork_usec", "connected_clients"];

describe("parseInfo", () => {
  test("reads a real 7.0", () => {
    const info = captured("7.0");
    expect(FIELDS.map((field) => `${field} ${info.get(field)}`)).toMatchInlineSnapshot(`
      [
        "redis_version 7.0.15",
        "loading 0",
        "aof_enabled 1",
        "aof_last_write_status ok",
        "aof_last_bgrewrite_status ok",
        "maxmemory 209715200",
        "maxmemory_policy noeviction",
        "evicted_keys 0",
        "rejected_connections 0",
        "latest_fork_usec 0",
        "connected_clients 12",
      ]
    `);
    expect(info.get("run_id")).toMatch(/^[0-9a-f]{40}$/);
  });

  test("reads a real 8.0", () => {
    const info = captured("8.0");
    expect(FIELDS.map((field) => `${field} ${info.get(field)}`)).toMatchInlineSnapshot(`
      [
        "redis_version 8.0.2",
        "loading 0",
        "aof_enabled 1",
        "aof_last_write_status ok",
        "aof_last_bgrewrite_status ok",
        "maxmemory 209715200",
        "maxmemory_policy noeviction",
        "evicted_keys 0",
        "rejected_connections 0",
        "latest_fork_usec 0",
        "connected_clients 12",
      ]
    `);
  });

  test("takes headings and odd lines for nothing, and keeps colons in values", () => {
    expect([...parseInfo("# Server\r\nlistener0:name=tcp,bind=*,bind=-::*,port=6379\r\n\r\nnonsense\r\n")]).toEqual([
      ["listener0", "name=tcp,bind=*,bind=-::*,port=6379"],
    ]);
  });
});

describe("infoNumber", () => {
  const info = parseInfo("zero:0\nempty:\nword:ok\nfraction:1.5\n");
  test.each([["zero", 0], ["fraction", 1.5], ["empty", undefined], ["word", undefined], ["absent", undefined]])("%s is %s", (field, value) => {
    expect(infoNumber(info, field)).toBe(value);
  });
});

import { expect, test } from "vitest";
import { redisAuth } from "../../src/redis/auth.ts";
import { redisConf, redisRunningConfig } from "../../src/redis/conf.ts";
import { redisSettings } from "../../src/redis/settings.ts";
import { stack } from "../helpers/stack.ts";

const AUTH = "/run/secrets/redis-auth.conf";
const conf = redisConf(redisSettings(stack(), AUTH));

/** The directives alone. */
function directives(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

test("no snapshots, the append-only file, nothing evicted", () => {
  expect(directives(conf)).toEqual(expect.arrayContaining(['save ""', "appendonly yes", "maxmemory-policy noeviction", "maxmemory 192mb", "maxclients 1000", "appendfsync everysec"]));
});

test("the password is in no line of it: it comes from a file that only Redis can read", () => {
  expect(directives(conf)).toContain(`include ${AUTH}`);
  expect(conf).not.toMatch(/^requirepass/m);
});

test("every directive has its reason above it", () => {
  const lines = conf.split("\n");
  const bare = lines.filter((line, at) => line !== "" && !line.startsWith("#") && !(lines[at - 1] ?? "").startsWith("# "));
  expect(bare).toEqual([]);
});

test("what CONFIG GET must answer, in Redis's own words", () => {
  expect(redisRunningConfig(stack({ redis: { maxmemoryMb: 100, appendfsync: "always" } }))).toMatchInlineSnapshot(`
    {
      "always-show-logo": "no",
      "aof-load-truncated": "yes",
      "aof-use-rdb-preamble": "yes",
      "appenddirname": "appendonlydir",
      "appendfilename": "appendonly.aof",
      "appendfsync": "always",
      "appendonly": "yes",
      "auto-aof-rewrite-min-size": "67108864",
      "auto-aof-rewrite-percentage": "100",
      "bind": "* -::*",
      "dir": "/data",
      "disable-thp": "yes",
      "latency-monitor-threshold": "100",
      "lazyfree-lazy-expire": "yes",
      "lazyfree-lazy-server-del": "yes",
      "lazyfree-lazy-user-del": "yes",
      "logfile": "",
      "loglevel": "notice",
      "maxclients": "1000",
      "maxmemory": "104857600",
      "maxmemory-policy": "noeviction",
      "no-appendfsync-on-rewrite": "no",
      "port": "6379",
      "protected-mode": "yes",
      "save": "",
      "shutdown-on-sigint": "nosave",
      "shutdown-on-sigterm": "nosave",
      "slowlog-log-slower-than": "10000",
      "slowlog-max-len": "256",
      "tcp-keepalive": "15",
      "timeout": "0",
    }
  `);
});

test("a power cut: what is promised follows appendfsync", () => {
  expect(redisConf(redisSettings(stack({ redis: { appendfsync: "always" } }), AUTH))).toMatch(/# Flushed before the answer.*\nappendfsync always\n/);
  expect(conf).toMatch(/# Flushed each second.*\nappendfsync everysec\n/);
});

test("development has no password and is open to the loopback's port; all else is production's", () => {
  const dev = redisConf({ ...redisSettings(stack(), AUTH), authFile: null });
  const missing = directives(conf).filter((line) => !directives(dev).includes(line));
  const added = directives(dev).filter((line) => !directives(conf).includes(line));
  expect({ missing, added }).toEqual({ missing: ["protected-mode yes", `include ${AUTH}`], added: ["protected-mode no"] });
});

test.each([
  ["plain", 'requirepass "plain"\n'],
  ['quo"te\\', 'requirepass "quo\\"te\\\\"\n'],
  ["spa ce", 'requirepass "spa ce"\n'],
  ["é\n", 'requirepass "\\xc3\\xa9\\x0a"\n'],
])("the password %j as Redis reads it", (password, line) => {
  expect(redisAuth(password)).toBe(line);
});

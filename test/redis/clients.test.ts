import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Client, isLocal, kindOf, parseClientList, queueOf } from "../../src/redis/clients.ts";

const QUEUES = ["file", "email"];
const captured = (version: string) => parseClientList(readFileSync(new URL(`captured/clients-${version}.txt`, import.meta.url), "utf8"));
const one = (line: string): Client => {
  const [client] = parseClientList(line);
  if (client === undefined) throw new Error(`no client in ${line}`);
  return client;
};

/** An API that listens, a worker that processes two queues, a leak, and the connection that asked. */
const KINDS = [
  "api:client:email client email", "api:client:file client file", "api:subscriber:email subscriber email", "api:subscriber:file subscriber file",
  "bull:ZW1haWw= blocked email", "bull:ZmlsZQ== blocked file", "leak client -", "worker:client:email client email", "worker:client:file client file",
  "worker:subscriber:email subscriber email", "worker:subscriber:email subscriber email", " client -",
];

describe("a real CLIENT LIST", () => {
  test.each(["7.0", "8.0"])("of Redis %s: every connection's kind and queue", (version) => {
    const seen = captured(version).map((client) => `${client.name} ${kindOf(client, QUEUES)} ${queueOf(client, QUEUES) ?? "-"}`);
    expect(seen.toSorted()).toEqual(KINDS.toSorted());
  });

  test("of Redis 7.0: one line in full", () => {
    expect(captured("7.0").find(({ name }) => name === "leak")).toEqual({
      id: "14", address: "127.0.0.1:44832", host: "127.0.0.1", name: "leak", flags: "N", subscriptions: 0, ageSeconds: 0, lastCommand: "get",
    });
  });
});

test("a provider that shows id, addr, name and age leaves the rest undefined, not zero", () => {
  expect(one("id=3 addr=10.0.0.9:51000 name=api:client:file age=4 idle=0")).toEqual({
    id: "3", address: "10.0.0.9:51000", host: "10.0.0.9", name: "api:client:file", flags: undefined, subscriptions: undefined, ageSeconds: 4, lastCommand: undefined,
  });
});

test("a line without an id is passed over", () => {
  expect(parseClientList("\nWARNING something\n")).toEqual([]);
});

describe("kindOf", () => {
  test.each([
    ["a blocked client between two jobs is still blocked, by its name", "id=1 name=bull:ZmlsZQ== flags=N cmd=eval", "blocked"],
    ["under another prefix", "id=1 name=shop:ZmlsZQ== flags=N", "blocked"],
    ["before Bull has named it", "id=1 name=worker:bclient:file flags=N", "blocked"],
    ["of no queue of ours, but blocking", "id=1 name=x flags=b cmd=blpop", "blocked"],
    ["a subscriber by its channels", "id=1 name= flags=N sub=0 psub=2", "subscriber"],
    ["a subscriber that has not subscribed is a client", "id=1 name=api:subscriber:file flags=N sub=0", "client"],
    ["a monitor", "id=1 name= flags=O cmd=monitor", "other"],
    ["a replica", "id=1 name= flags=S cmd=psync", "other"],
    ["anything else", "id=1 name= flags=N cmd=get", "client"],
  ])("%s", (_, line, kind) => {
    expect(kindOf(one(line), QUEUES)).toBe(kind);
  });
});

describe("host and isLocal", () => {
  test.each([
    ["127.0.0.1:5000", "127.0.0.1", true],
    ["[::1]:5000", "::1", true],
    ["/run/redis.sock:0", "/run/redis.sock", true],
    ["172.20.0.4:5000", "172.20.0.4", false],
    ["[fd00::4]:5000", "fd00::4", false],
    ["::ffff:172.20.0.4:5000", "172.20.0.4", false],
  ])("%s", (address, host, local) => {
    const client = one(`id=1 addr=${address} name= flags=N`);
    expect([client.host, isLocal(client)]).toEqual([host, local]);
  });
});

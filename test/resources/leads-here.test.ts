import { expect, test } from "vitest";
import type { Records } from "../../src/dns.ts";
import { awaitDns } from "../../src/resources/leads-here.ts";

const here = { v4: "203.0.113.5", v6: "" };
const NONE: Records = { v4: [], v6: [] };
const GOOD: Records = { v4: [here.v4], v6: [] };

/** Records as they are asked for, one after another; the last stays. */
function waiting(...records: [Records, ...Records[]]) {
  const said: string[] = [];
  let asked = 0;
  return {
    said,
    times: () => asked,
    options: {
      domain: "app.example.com", here, pauseSeconds: 0.01, boundSeconds: 30, certified: () => Promise.resolve(false),
      say: (line: string) => void said.push(line),
      records: () => Promise.resolve(records[Math.min(asked++, records.length - 1)] ?? NONE),
    },
  };
}

test("a name that leads here is asked for once, and nothing is said", async () => {
  const { options, said, times } = waiting(GOOD);
  await awaitDns(options);
  expect([times(), said]).toEqual([1, []]);
});

test("a record that is created meanwhile ends the wait, which says what to create", async () => {
  const { options, said } = waiting(NONE, NONE, NONE, GOOD);
  await awaitDns(options);
  expect(said).toEqual(["waiting for app.example.com to lead to this server; create its DNS record now, 0 s of at most 30 s: A record: required 203.0.113.5 and no other, found none"]);
});

test("at the bound: what is required, what was found, what to do, and that no authority was asked", async () => {
  const { options } = waiting({ v4: ["198.51.100.9"], v6: [] });
  await expect(awaitDns({ ...options, boundSeconds: 0 })).rejects.toThrowErrorMatchingInlineSnapshot(
    `[Error: certificate for app.example.com: a name that leads to the server is required. A record: required 203.0.113.5 and no other, found 198.51.100.9. Create the record at your DNS provider, then run the same command again: it goes on from here, and no certificate was asked for. (berth:acme.checkDns: false when the name leads here by another way)]`,
  );
});

test("a server that has its certificate is released all the same", async () => {
  const { options, said } = waiting(NONE);
  await awaitDns({ ...options, certified: () => Promise.resolve(true) });
  expect(said).toEqual(["app.example.com does not lead to this server: A record: required 203.0.113.5 and no other, found none. Its certificate is there already; the next one will not come"]);
});

import { afterEach, describe, expect, test } from "vitest";
import { dnsFault, type Records, recordsFor, resolverAt } from "../src/dns.ts";
import { DnsServer, type Zone } from "./helpers/dns-server.ts";

const HERE = { v4: "203.0.113.5", v6: "2001:db8:1::1" };
const ELSEWHERE = "198.51.100.9";

test.each<[string, Records, string | undefined]>([
  ["both families lead here", { v4: [HERE.v4], v6: [HERE.v6] }, undefined],
  ["IPv6 written the long way", { v4: [HERE.v4], v6: ["2001:0db8:0001:0000::0001"] }, undefined],
  ["no IPv6 record", { v4: [HERE.v4], v6: [] }, undefined],
  ["no record at all", { v4: [], v6: [] }, "A record: required 203.0.113.5 and no other, found none"],
  ["another server", { v4: [ELSEWHERE], v6: [] }, "A record: required 203.0.113.5 and no other, found 198.51.100.9"],
  ["another server too", { v4: [ELSEWHERE, HERE.v4], v6: [] }, "A record: required 203.0.113.5 and no other, found 198.51.100.9, 203.0.113.5"],
  ["an old IPv6 record", { v4: [HERE.v4], v6: ["2001:db8:9::1"] }, "AAAA record: required 2001:db8:1::1 or none, found 2001:db8:9::1"],
  ["nobody answers", { v4: undefined, v6: undefined }, "A record: required 203.0.113.5 and no other, found no answer from any name server; AAAA record: required 2001:db8:1::1 or none, found no answer from any name server"],
])("%s", (_, records, fault) => {
  expect(dnsFault(records, HERE)).toBe(fault);
});

test("a server without IPv6 wants no AAAA record: the authority would try it first", () => {
  expect(dnsFault({ v4: [HERE.v4], v6: [HERE.v6] }, { ...HERE, v6: "" })).toBe("AAAA record: required none, because the server has no IPv6 address, found 2001:db8:1::1");
});

describe("asked of name servers", () => {
  const servers: DnsServer[] = [];
  afterEach(() => {
    for (const it of servers.splice(0)) it.close();
  });
  async function server(zone: Zone): Promise<DnsServer> {
    const started = await DnsServer.start(zone);
    servers.push(started);
    return started;
  }

  test("the machine's own resolver is enough when its records lead here", async () => {
    const system = await server({ "app.example.com": { A: [HERE.v4], AAAA: [HERE.v6] } });
    expect(await recordsFor("app.example.com", HERE, resolverAt([system.at]))).toEqual({ v4: [HERE.v4], v6: [HERE.v6] });
    expect(system.asked.toSorted()).toEqual(["app.example.com A", "app.example.com AAAA"]);
  });

  test("a resolver that remembers there was no such name is corrected by the zone's own server", async () => {
    const system = await server({ "example.com": { NS: ["ns.example.com"] }, "ns.example.com": { A: ["192.0.2.1"] } });
    const zone = await server({ "app.example.com": { A: [HERE.v4] } });
    const records = await recordsFor("app.example.com", HERE, resolverAt([system.at]), () => Promise.resolve(resolverAt([zone.at])));
    expect(records).toEqual({ v4: [HERE.v4], v6: [] });
  });

  test("the zone's server is looked for from the name upwards, and a zone that nobody knows leaves the first answer", async () => {
    const system = await server({});
    expect(await recordsFor("app.example.com", HERE, resolverAt([system.at]))).toEqual({ v4: [], v6: [] });
    expect(system.asked).toEqual(expect.arrayContaining(["app.example.com NS", "example.com NS"]));
    expect(system.asked).not.toContain("com NS");
  });

  test("no answer is not taken for no record", async () => {
    const system = await server({});
    system.broken = true;
    expect(await recordsFor("app.example.com", HERE, resolverAt([system.at]))).toEqual({ v4: undefined, v6: undefined });
  });
});

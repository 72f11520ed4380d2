import { describe, expect, test } from "vitest";
import { parseFacts, splitSections } from "../../src/verify/facts.ts";
import { SECTIONS, stream } from "./healthy.ts";

const value = <T>(fact: { known: boolean; value?: T; why?: string }) => (fact.known ? fact.value : `not known: ${fact.why}`);

test("a healthy stream, read in full", () => {
  const facts = parseFacts(stream());
  expect(Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, value(fact)]))).toMatchSnapshot();
});

describe("splitSections", () => {
  test("keeps lines as they are, and passes over what comes before the first heading", () => {
    expect([...splitSections("noise\n@@ a\n one\n two\n@@ b\n\n@@ c\r\nthree\r\n")]).toEqual([["a", "one\n two"], ["b", ""], ["c", "three"]]);
  });
  test("a line that only looks like a heading is text", () => {
    expect(splitSections("@@ a\n@@ two words\n@@@ b").get("a")).toBe("@@ two words\n@@@ b");
  });
});

/** Section -> the fact it becomes, and what it says when its text is nonsense. */
const MALFORMED: [section: string, fact: keyof ReturnType<typeof parseFacts>, text: string, why: RegExp][] = [
  ["baseline", "baseline", "restarts id x", /required: a whole number; found: x/],
  ["inspect", "containers", "Error: No such object", /JSON/],
  ["inspect", "containers", '{"Id":"x"}', /required: a JSON array/],
  ["inspect", "containers", '[{"Name":"x"}]', /no Id/],
  ["images", "images", "[{}]", /no Id/],
  ["containers", "published", "not json", /JSON/],
  ["containers", "published", '{"Names":"x"}', /no Ports/],
  ["listeners", "listeners", "LISTEN 0 128", /no local address/],
  ["hugepages", "hugepages", "never", /no choice in brackets/],
  ["redis-status", "redisStatus", "Name:\tdocker-init\nVmSwap: 0 kB", /process docker-init, not of Redis/],
  ["redis-status", "redisStatus", "nothing", /no Name/],
  ["meminfo", "memory", "MemTotal: 12 kB", /MemAvailable/],
  ["mounts", "mounts", "36 22 8:16 / /mnt/berth rw", /not a line of mountinfo/],
  ["disk", "disks", "Mounted on 1B-blocks Avail", /no file system/],
  ["disk", "disks", "Mounted\n/mnt/berth - -", /required: a whole number/],
  ["aof", "aof", "du: cannot read", /required: a whole number/],
  ["cgroup", "controlGroups", "abc oom many", /required: a whole number; found: many/],
];

describe("a malformed section is not known, says why, and spoils only itself", () => {
  test.each(MALFORMED)("%s → %s: %s", (section, fact, text, why) => {
    const facts = parseFacts(stream({ [section]: text }));
    expect(facts[fact]).toEqual({ known: false, why: expect.stringMatching(new RegExp(`section "${section}" is malformed: .*${why.source}`)) as string });
    expect(Object.entries(facts).filter(([, { known }]) => !known).map(([name]) => name)).toEqual([fact]);
  });
});

test.each(Object.keys(SECTIONS).filter((name) => name !== "baseline" && name !== "drift" && name !== "sockets"))("an empty section %s is not known", (name) => {
  const unknown = Object.values(parseFacts(stream({ [name]: "" }))).filter(({ known }) => !known);
  expect(unknown).toEqual([{ known: false, why: `the facts' section "${name}" is empty` }]);
});

test("an empty baseline is a first release, an empty drift no drift", () => {
  const facts = parseFacts(stream({ baseline: "", drift: "" }));
  expect([value(facts.baseline), value(facts.drift)]).toEqual([{ restarts: new Map(), oom: new Map(), redis: undefined }, []]);
});

test("no stream at all: nothing is known, and each says so", () => {
  const facts = parseFacts("");
  expect(Object.values(facts).every(({ known }) => !known)).toBe(true);
});

test("cgroup v2, escaped mount points and IPv6 listeners", () => {
  const facts = parseFacts(stream({
    cgroup: "id-a oom 1\nid-a cpu.weight 157",
    mounts: "36 22 8:16 / /mnt/a\\040b rw,relatime shared:2 master:1 - ext4 /dev/sdb rw",
    listeners: "LISTEN 0 128 [fe80::1%eth0]:22 [::]:*",
  }));
  expect(value(facts.controlGroups)).toEqual(new Map([["id-a", { oomKills: 1, cpuShares: undefined, cpuWeight: 157 }]]));
  expect(value(facts.mounts)).toEqual([{ path: "/mnt/a b", type: "ext4", source: "/dev/sdb" }]);
  expect(value(facts.listeners)).toEqual([{ protocol: "tcp", host: "fe80::1", port: 22, program: "" }]);
});

import { expect, test } from "vitest";
import { diagnosis, ids } from "./captured.ts";

/** Whom a full disk is laid to: who wrote, and not who could have. */

const FILE_SYSTEMS = "Mounted on 1B-blocks Avail Inodes IFree\n";
const GB = 1e9;

function stranger(name: string, sources: readonly string[], { written = 0, running = true } = {}): { others: string } {
  return {
    others: JSON.stringify([{
      Id: `id-${name}`, Name: `/${name}`, SizeRw: written, State: { Running: running }, Config: { Image: `${name}:1` }, Mounts: sources.map((Source) => ({ Source, RW: true })),
    }]),
  };
}

/** The volume is full of somebody's export; Postgres's data is most of it. */
const FULL = {
  filesystems: `${FILE_SYSTEMS}/mnt/berth 10000000000 0 655360 654031\n/ 270553174016 64939491328 16777216 15671878`,
  largest: `9900000000\t/mnt/berth\n3000000000\t/mnt/berth/exports\n6000000000\t/mnt/berth/postgres\n5900000000\t/mnt/berth/postgres/pgdata`,
};
/** The root disk is nearly full of logs. */
const ROOT = {
  filesystems: `${FILE_SYSTEMS}/mnt/berth 10464022528 9807708160 655360 654033\n/ ${100 * GB} ${5 * GB} 16777216 15671878`,
  largest: `${60 * GB}\t/var/log\n${55 * GB}\t/var/log/journal\n${20 * GB}\t/home/exporter\n${20 * GB}\t/home`,
};

test.each<[what: string, sources: readonly string[], facts: typeof FULL]>([
  ["the whole host", ["/"], FULL],
  ["the volume", ["/mnt/berth"], FULL],
  ["a directory above the volume", ["/mnt"], FULL],
  ["Postgres's data, to make backups of", ["/mnt/berth/postgres"], FULL],
  ["a part of Postgres's data", ["/mnt/berth/postgres/pgdata"], FULL],
  ["the logs, to ship them", ["/var/log"], ROOT],
  ["the journal alone", ["/var/log/journal"], ROOT],
  ["every home", ["/home"], ROOT],
])("who may write to %s is not who filled it", (_, sources, facts) => {
  expect(ids(diagnosis(undefined, { ...facts, ...stranger("netdata", sources) }))).toEqual([facts === FULL ? "disk.full" : "disk.low"]);
});

test("who fills a directory of its own is stopped, and keeps what it wrote", () => {
  const found = diagnosis(undefined, { ...FULL, ...stranger("exporter", ["/", "/mnt/berth/exports"]) }).findings[0];
  expect(found?.id).toBe("disk.foreign");
  expect(found?.evidence[0]).toBe("exporter (image exporter:1, running) wrote 2.8 GiB of the 9.3 GiB used: /mnt/berth/exports");
  expect(found?.next).toMatch(/^Stop it: `berth ssh -- sudo docker stop exporter`\. Move what it wrote out of \/mnt\/berth\/exports, and give it a disk of its own\. /);
  expect(diagnosis(undefined, { ...ROOT, ...stranger("exporter", ["/home/exporter"]) }).findings[0]?.id).toBe("disk.foreign");
});

test("who fills its own layer loses it with the container: nobody is told to remove that", () => {
  const found = diagnosis(undefined, { ...ROOT, ...stranger("builder", [], { written: 40 * GB }) }).findings[0];
  expect(found?.evidence[0]).toContain("builder (image builder:1, running) wrote 37.3 GiB of the 88.5 GiB used: its own layer");
  expect(found?.next).toBe("Stop it: `berth ssh -- sudo docker stop builder`. What it wrote is in the container, and goes with it: copy out what is to be kept before you remove it. Meant to stay? Then the disk must be larger.");
  const stopped = diagnosis(undefined, { ...ROOT, ...stranger("builder", [], { written: 40 * GB, running: false }) }).findings[0];
  expect(stopped?.next).toMatch(/^What it wrote is in the container/);
});

test("a disk without room for files refuses Redis's as well: its file is written anew before a restart", () => {
  const found = diagnosis(undefined, { filesystems: `${FILE_SYSTEMS}/mnt/berth 10464022528 9807708160 655360 10` }).findings[0];
  expect(found?.id).toBe("disk.inodes");
  expect(found?.next).toContain("redis-cli BGREWRITEAOF'`");
});

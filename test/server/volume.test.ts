import { expect, test } from "vitest";
import { acts, Host, mustSucceed, RELEASE_ENV } from "./host.ts";

const R = "aaaaaaaaaaaa";

/** A host whose volume is attached and not yet mounted. `mount` lays down what the device would hold. */
function host(answers: string): Host {
  const made = new Host();
  made.remove("mnt/berth");
  const { BERTH_VOLUME_ID = "", BERTH_VOLUME_DEVICE = "", BERTH_MOUNT = "" } = RELEASE_ENV;
  made.write("etc/berth/host.env", `BERTH_VOLUME_ID='${BERTH_VOLUME_ID}'\nBERTH_VOLUME_DEVICE='${BERTH_VOLUME_DEVICE}'\nBERTH_MOUNT='${BERTH_MOUNT}'\n`);
  made.answer(`"mountpoint "*) exit 32 ;;\n"mount "*) chmod 755 "$BERTH_ROOT/mnt/berth"; echo "\${SENTINEL-}" >"$BERTH_ROOT/mnt/berth/.berth-volume"; exit ;;\n${answers}`);
  return made;
}

const EMPTY = '"blkid "*) exit 2 ;;';

test("an empty device on a new host is given a file system, mounted, and marked", async () => {
  const made = host(EMPTY);
  const run = await made.run(["volume"]);
  mustSucceed(run);
  expect(acts(run.calls)).toMatchInlineSnapshot(`
    [
      "chattr +i /mnt/berth",
      "blkid -p /dev/disk/by-id/scsi-0HC_Volume_101",
      "mkfs.ext4 -q -L berth /dev/disk/by-id/scsi-0HC_Volume_101",
      "mount -t ext4 -o noatime,nodev,nosuid,noexec,errors=remount-ro /dev/disk/by-id/scsi-0HC_Volume_101 /mnt/berth",
    ]
  `);
  expect(made.read("mnt/berth/.berth-volume")).toBe("101\n");
  expect(made.read("var/lib/berth/volume")).toBe("101\n");
});

test("a device with data is never formatted", async () => {
  const made = host("");
  const run = await made.run(["volume"], { SENTINEL: "101" });
  mustSucceed(run);
  expect(run.calls.filter((line) => line.startsWith("mkfs"))).toEqual([]);
});

test("an empty device on a host that once had a volume is refused, not formatted", async () => {
  const made = host(EMPTY);
  made.write("var/lib/berth/volume", "101\n");
  const run = await made.run(["volume"]);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain("is empty, and this host once recorded volume 101");
  expect(run.calls.filter((line) => /^(mkfs|mount )/.test(line))).toEqual([]);
});

test("another file system than ext4 is left alone", async () => {
  const run = await host('"blkid "*) echo "TYPE=\\"xfs\\""; exit ;;').run(["volume"]);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain('seen: TYPE="xfs"');
  expect(run.calls.filter((line) => /^(mkfs|mount )/.test(line))).toEqual([]);
});

test("a file system with errors is not mounted", async () => {
  const run = await host('"e2fsck "*) exit 4 ;;').run(["volume"]);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain("seen: e2fsck -p exit 4; expected: a clean file system");
  expect(run.calls.filter((line) => line.startsWith("mount "))).toEqual([]);
});

test("a device that does not come is a failure after its bound, and the mount point stays unmade", async () => {
  const made = host("");
  made.remove("dev/disk/by-id/scsi-0HC_Volume_101");
  const run = await made.run(["volume"], { BERTH_VOLUME_WAIT: "1" });
  expect(run.code).toBe(1);
  expect(run.stderr).toContain("FAILED release.volume: seen: no such device after 1 s; expected: device /dev/disk/by-id/scsi-0HC_Volume_101");
  expect(made.read("mnt/berth")).toBeUndefined();
});

test("files under the mount point on the root disk are not hidden by a mount", async () => {
  const made = host("");
  made.write("mnt/berth/redis/appendonly.aof", "data");
  const run = await made.run(["volume"]);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain("seen: on the root disk: /mnt/berth/redis");
});

test("another volume than the release's is refused", async () => {
  const run = await host("").run(["volume"], { SENTINEL: "202" });
  expect(run.code).toBe(1);
  expect(run.stderr).toContain("/mnt/berth/.berth-volume says '202'; this host recorded ''; expected: volume 101");
});

test("a mark that vanished from a volume once recorded is refused", async () => {
  const made = host("");
  made.write("var/lib/berth/volume", "101\n");
  const run = await made.run(["volume"]);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain("says ''; this host recorded '101'");
});

test("a dump without append-only files stops a release before anything of the application is touched", async () => {
  const made = new Host();
  made.lay(R);
  made.write("mnt/berth/redis/dump.rdb", "REDIS");
  const run = await made.run(["release", R]);
  expect(run.code).toBe(11);
  expect(run.stderr).toContain("FAILED release.dump: seen: /mnt/berth/redis/dump.rdb without appendonlydir/*.manifest");
  expect(acts(run.calls).filter((line) => line.startsWith("compose"))).toEqual([]);
  made.write("mnt/berth/redis/appendonlydir/appendonly.aof.manifest", "file appendonly.aof.1.base.rdb seq 1 type b\n");
  expect((await made.run(["release", R])).code).toBe(0);
});

test("directories get the uid that writes them", async () => {
  const made = new Host();
  made.remove("mnt/berth/redis");
  made.lay(R, { env: { BERTH_POSTGRES_UID: "70" } });
  const run = await made.run(["release", R]);
  expect(run.calls.filter((line) => line.startsWith("chown"))).toEqual(["chown -R 70:70 /mnt/berth/postgres"]);
  expect(made.read("mnt/berth/redis/none")).toBeUndefined();
});

/** A device of 20 GiB with a file system of 10 GiB. */
const GROWN = '"blockdev "*) echo 21474836480; exit ;;\n"dumpe2fs "*) printf "Block count:              2621440\\nBlock size:               4096\\n"; exit ;;';

test("a volume that was grown: its file system is grown before it is mounted, after a whole check", async () => {
  const run = await host(GROWN).run(["volume"], { SENTINEL: "101" });
  mustSucceed(run);
  const device = "/dev/disk/by-id/scsi-0HC_Volume_101";
  expect(acts(run.calls).filter((line) => /^(e2fsck -f|resize2fs|mount )/.test(line)).slice(0, 3)).toEqual([
    `e2fsck -f -p ${device}`, `resize2fs ${device}`, `mount -t ext4 -o noatime,nodev,nosuid,noexec,errors=remount-ro ${device} /mnt/berth`,
  ]);
});

test("while it is mounted it is grown in place; a kernel that refuses is no reason to keep Redis and Postgres from it", async () => {
  const made = new Host();
  const { BERTH_VOLUME_ID = "", BERTH_VOLUME_DEVICE = "", BERTH_MOUNT = "" } = RELEASE_ENV;
  made.write("etc/berth/host.env", `BERTH_VOLUME_ID='${BERTH_VOLUME_ID}'\nBERTH_VOLUME_DEVICE='${BERTH_VOLUME_DEVICE}'\nBERTH_MOUNT='${BERTH_MOUNT}'\n`);
  made.answer(GROWN);
  const grown = await made.run(["volume"]);
  mustSucceed(grown);
  expect(acts(grown.calls)).toEqual([`resize2fs ${BERTH_VOLUME_DEVICE}`]);
  made.answer(`${GROWN}\n"resize2fs "*) echo "resize2fs: Permission denied to resize filesystem" >&2; exit 1 ;;`);
  const refused = await made.run(["volume"]);
  mustSucceed(refused);
  expect(refused.stderr).toContain("volume: not grown while it is mounted; the next boot grows it before it is mounted");
});

test("a file system that fills its device is left alone", async () => {
  const run = await host(GROWN.replace("21474836480", "10737418240")).run(["volume"], { SENTINEL: "101" });
  mustSucceed(run);
  expect(run.calls.filter((line) => line.startsWith("resize2fs"))).toEqual([]);
});

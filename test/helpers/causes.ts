import { readFile, writeFile } from "node:fs/promises";
import { ask, redisCli } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { eventually } from "./hardware.ts";
import { writeSlowAof } from "./loading.ts";

/** What makes production slow, as it happens on a living server by somebody's hand. Each gives what takes it back. */

export type Undo = () => Promise<void>;

const MIB = 1024 ** 2;
const VOLUME = "/mnt/berth";

function sh(it: Rehearsal, script: string): Promise<string> {
  return it.exec(["sh", "-euc", script], { timeoutMs: 120_000 });
}

async function appImage(it: Rehearsal): Promise<string> {
  return (await it.exec(["docker", "inspect", "--format", "{{.Config.Image}}", "berth-api-1"])).trim();
}

/** A container that is none of the stack's; from the application's image, because there is no other with a shell on the host. */
async function stranger(it: Rehearsal, name: string, options: readonly string[], script: string): Promise<Undo> {
  await it.exec(["docker", "run", "--detach", "--name", name, ...options, "--user", "0", "--entrypoint", "sh", await appImage(it), "-c", script]);
  return async () => {
    await it.exec(["docker", "rm", "--force", name]);
  };
}

/** Processes of a container whose command line holds a word, as the server numbers them. */
export async function signal(it: Rehearsal, container: string, word: string, name: string): Promise<void> {
  const top = await it.exec(["docker", "top", container, "-eo", "pid,args"]);
  const pids = top.trim().split("\n").slice(1).filter((line) => line.includes(word) && !line.includes("docker-init")).map((line) => line.trim().split(/\s+/)[0] ?? "");
  if (pids.length === 0) throw new Error(`signal ${container}: a process with "${word}" in its command line is required, found: ${top}`);
  await it.exec(["kill", `-${name}`, ...pids]);
}

export function burnProcessor(it: Rehearsal): Promise<Undo> {
  return stranger(it, "transcoder", [], "for n in 1 2 3 4; do (while :; do :; done) & done; wait");
}

/** Until Redis holds this share of its maxmemory. SETRANGE writes a short line into the append-only file for a long value. */
export async function fillRedis(it: Rehearsal, share: number): Promise<Undo> {
  const most = Number((await redisCli(it, "CONFIG GET maxmemory")).trim().split("\n")[1]);
  const keys = Array.from({ length: Math.floor((most * share) / MIB) }, (_, index) => `fill:${index}`);
  await redisCli(it, ...keys.map((key) => `SETRANGE ${key} ${MIB - 64} x`));
  return async () => {
    await redisCli(it, ...keys.map((key) => `UNLINK ${key}`));
  };
}

/** Swap on the volume, and the kernel told to put Redis's pages there, as it does by itself when memory is short. */
export async function swapRedisOut(it: Rehearsal): Promise<Undo> {
  const file = `${VOLUME}/swapfile`;
  const undo = async (): Promise<void> => {
    await sh(it, `swapoff ${file} 2>/dev/null || :; rm -f ${file}`);
  };
  try {
    await sh(it, `fallocate -l 256M ${file}; chmod 600 ${file}; mkswap -q ${file}; swapon ${file}`);
    const pid = (await sh(it, "docker top berth-redis-1 -eo pid,comm | awk '$2 == \"redis-server\" { print $1 }'")).trim();
    await it.exec(["python3", "-", pid], { input: PAGE_OUT });
  } catch (error) {
    await undo();
    throw error;
  }
  return undo;
}

/** process_madvise(MADV_PAGEOUT) on what a process has written (madvise(2)). */
const PAGE_OUT = `
import ctypes, struct, sys
PIDFD_OPEN, PROCESS_MADVISE, PAGEOUT = 434, 440, 21
libc = ctypes.CDLL(None, use_errno=True)
descriptor = libc.syscall(PIDFD_OPEN, int(sys.argv[1]), 0)
for line in open("/proc/%s/maps" % sys.argv[1]):
    fields = line.split()
    if fields[1] == "rw-p" and (len(fields) < 6 or fields[5] == "[heap]"):
        start, end = (int(part, 16) for part in fields[0].split("-"))
        vector = ctypes.create_string_buffer(struct.pack("QQ", start, end - start))
        libc.syscall(PROCESS_MADVISE, descriptor, ctypes.byref(vector), 1, PAGEOUT, 0)
`;

/** A file that takes all room there is, in no time: ext4 only notes whose the blocks are. */
export async function fillVolume(it: Rehearsal): Promise<Undo> {
  const file = `${VOLUME}/export.tar`;
  // Anything else there would be the machine's own disk.
  await sh(it, `case $(findmnt -nvo SOURCE ${VOLUME} | tail -n 1) in /dev/sd*) ;; *) exit 1 ;; esac`);
  await sh(it, `fallocate -l "$(df -B1 --output=avail ${VOLUME} | tail -n 1)" ${file}`);
  // Redis notices at its next write.
  await redisCli(it, `SET somebody ${"wrote".repeat(10_000)} EX 60`);
  return async () => {
    await it.exec(["rm", "-f", file]);
    await eventually("Redis writes again", 60_000, async () => (await redisCli(it, "SET somebody wrote EX 1", "INFO persistence")).includes("aof_last_write_status:ok"));
  };
}

/** A container beside the stack that was given a directory of the volume, and fills it. */
export async function strangerFillsVolume(it: Rehearsal): Promise<Undo> {
  const remove = await stranger(it, "exporter", ["--volume", `${VOLUME}/exports:/out`], "fallocate -l 8800M /out/dump.sql; sleep 600");
  await eventually("the stranger wrote", 30_000, async () => (await it.attempt(["test", "-e", `${VOLUME}/exports/dump.sql`])).code === 0);
  return async () => {
    await remove();
    await it.exec(["rm", "-rf", `${VOLUME}/exports`]);
  };
}

const MANY_KEYS = 200_000;

/** Many keys, and somebody who asks for all of them five times a second. In a database of their own, so that they go at once. */
export async function askForKeys(it: Rehearsal): Promise<Undo> {
  const lines = Array.from({ length: MANY_KEYS }, (_, index) => `SET session:${index} value\r\n`);
  await it.exec(["docker", "exec", "--interactive", "berth-redis-1", "redis-cli", "--pipe"], { input: `AUTH ${it.secrets.redisPassword}\r\nSELECT 1\r\n${lines.join("")}`, timeoutMs: 60_000 });
  await it.exec(["docker", "exec", "--detach", "berth-redis-1", "sh", "-c", "REDISCLI_AUTH=$(cat /run/secrets/redis_password) exec timeout 120 redis-cli -n 1 -r -1 -i 0.2 KEYS '*' >/dev/null"]);
  await eventually("KEYS is in the slow log", 30_000, async () => (await redisCli(it, "SLOWLOG GET 16")).includes("KEYS"));
  return async () => {
    await signal(it, "berth-redis-1", "KEYS", "TERM");
    await redisCli(it, "SELECT 1", "FLUSHDB ASYNC", "SLOWLOG RESET", "LATENCY RESET");
  };
}

/** Connections that the API opens for something and forgets. */
export async function leakConnections(it: Rehearsal): Promise<Undo> {
  await it.exec(["docker", "exec", "--detach", "berth-api-1", "node", "-e", LEAKS]);
  await eventually("the connections are there", 30_000, async () => (await redisCli(it, "CLIENT LIST")).split("\n").filter((line) => line.includes("cmd=ping")).length >= 25);
  return async () => {
    await signal(it, "berth-api-1", "leaked", "TERM");
  };
}

const LEAKS = `
const leaked = [], net = require("node:net"), password = require("node:fs").readFileSync(process.env.REDIS_PASSWORD_FILE, "utf8").trim();
for (let n = 0; n < 25; n++) leaked.push(net.connect(6379, "redis", function () { this.write("AUTH " + password + "\\r\\nPING\\r\\n"); }).resume());
setTimeout(() => process.exit(), 120000);
`;

/** A worker that is connected and does nothing, and work for it. */
export async function hangWorker(it: Rehearsal): Promise<Undo> {
  await signal(it, "berth-worker-1", "worker.js", "STOP");
  const ids: string[] = [];
  for (const text of ["one", "two", "three"]) {
    const { body } = await ask(it, "/jobs", { queue: "email", data: { to: "someone@example.com", subject: "hung", text } });
    ids.push((body as { id: string }).id);
  }
  return async () => {
    await signal(it, "berth-worker-1", "worker.js", "CONT");
    for (const id of ids) await eventually(`job ${id} is done`, 90_000, async () => ((await ask(it, `/jobs/${id}`)).body as { state?: string }).state === "completed");
  };
}

/** RDB snapshots, by CONFIG SET. None is due while it lasts. */
export async function snapshotsByHand(it: Rehearsal): Promise<Undo> {
  await redisCli(it, 'CONFIG SET save "3600 1"');
  return async () => {
    await redisCli(it, 'CONFIG SET save ""');
  };
}

/** A setting of the kernel, which is the machine's own: a stand-in server may not write all of them. What it was comes back. */
export async function setKernel(path: string, value: string): Promise<Undo> {
  const text = (await readFile(path, "utf8")).trim();
  const before = /\[(\w+)\]/.exec(text)?.[1] ?? text;
  await writeFile(path, value);
  return () => writeFile(path, before);
}

/** Redis restarted on a file that takes it this long to load, of its own CPU time, in seconds. */
export async function restartLoading(it: Rehearsal, cpuSeconds: number): Promise<Undo> {
  await writeSlowAof(it, cpuSeconds);
  await it.exec(["docker", "restart", "berth-redis-1"], { timeoutMs: 60_000 });
  return async () => {
    await eventually("Redis has loaded", 180_000, async () => (await redisCli(it, "PING")).includes("PONG"));
    // Docker's word is from the check before.
    await eventually("all are healthy again", 90_000, async () => !/unhealthy|starting/.test(await it.exec(["docker", "ps", "--format", "{{.Status}}"])));
  };
}

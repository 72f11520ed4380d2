import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answersAt } from "../../dev/ports.ts";
import { ensureDocker, reachableDocker } from "../../rehearsal/docker/ensure.ts";
import { execute } from "../../rehearsal/docker/exec.ts";
import { ensureImage } from "../../rehearsal/images.ts";

/**
 * What a daemon leaves behind when nobody looks after it: interfaces, rules, mounts, forwarding. Counters differ always, and whether a bridge of the
 * machine's own daemon has a carrier is that daemon's affair.
 */
async function traces(): Promise<Readonly<Record<string, string>>> {
  const commands = {
    links: ["ip", "-o", "link", "show", "type", "bridge"],
    rules: ["iptables-save"],
    rules6: ["ip6tables-save"],
    mounts: ["cat", "/proc/self/mountinfo"],
    forwarding: ["cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"],
  };
  const entries = await Promise.all(Object.entries(commands).map(async ([name, argv]) => {
    const { stdout } = await execute(argv);
    // Tables that were only looked at appear empty; comments carry the time.
    const lines = stdout.split("\n").filter((line) => !/^(#|\*|COMMIT|:\w+ ACCEPT)/.test(line)).map((line) => line.replace(/ \[\d+:\d+\]$| <[\w,-]+>.*/g, ""));
    return [name, lines.toSorted((a, b) => a.localeCompare(b)).join("\n")] as const;
  }));
  return Object.fromEntries(entries);
}

/** A container that has just been started listens a moment later. */
async function answers(host: string, port: number): Promise<boolean> {
  for (let tries = 0; tries < 50; tries += 1) {
    if (await answersAt(host, port, 2_000)) return true;
    await sleep(200);
  }
  return false;
}

let cache: string;
let image: string;
let before: Readonly<Record<string, string>>;
const oldCache = process.env["XDG_CACHE_HOME"];

beforeAll(async () => {
  image = await ensureImage("redis");
  cache = await mkdtemp(join(tmpdir(), "berth-daemon-"));
  process.env["XDG_CACHE_HOME"] = cache;
  before = await traces();
}, 300_000);

afterAll(async () => {
  if (oldCache === undefined) delete process.env["XDG_CACHE_HOME"];
  else process.env["XDG_CACHE_HOME"] = oldCache;
  await rm(cache, { recursive: true, force: true });
});

test("a daemon of our own runs containers, is shared, and leaves nothing but its data", async () => {
  const machine = await reachableDocker();
  const said: string[] = [];
  const own = await ensureDocker((line) => said.push(line), { own: true });
  try {
    expect(said.join("\n")).toMatch(/^Docker: own daemon \d+\.\d+\.\d+\S*, data in /);
    const docker = own.docker;
    expect(await docker(["images", "--quiet"])).toBe("");
    expect(own.env["DOCKER_HOST"]).toMatch(/^unix:\/\/\/run\/berth-rehearsal-docker-[0-9a-f]{8}\/docker\.sock$/);

    const tarball = join(cache, "redis.tar");
    await machine(["save", "--output", tarball, image], { timeoutMs: 60_000 });
    await docker(["load", "--input", tarball], { timeoutMs: 60_000 });
    await docker(["network", "create", "inner"]);
    await docker(["run", "--detach", "--name", "one", "--network", "inner", "--publish", "127.0.0.1::6379", image]);
    await docker(["run", "--detach", "--name", "two", image]);
    const port = Number((await docker(["port", "one", "6379/tcp"])).split(":").at(-1));
    expect(await answers("127.0.0.1", port)).toBe(true);
    expect(await answers(await docker(["inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "two"]), 6379)).toBe(true);

    // A second user finds the same daemon, and its going leaves the first one's alone.
    const again = await ensureDocker(() => undefined, { own: true });
    expect(await again.docker(["ps", "--format", "{{.Names}}"])).toBe("two\none");
    await again.close();
    expect(await docker(["ps", "--format", "{{.Names}}"])).toBe("two\none");
  } finally {
    await own.close();
  }
  expect(await traces()).toEqual(before);
  const processes = await execute(["ps", "-eo", "args"]);
  expect(processes.stdout).not.toContain(cache);
  // The machine's own daemon did not notice.
  expect(await machine(["run", "--rm", "--network", "bridge", image, "redis-server", "--version"])).toContain("Redis server");
  expect(await readFile(join(cache, "berth", "docker.log"), "utf8")).toContain("API listen on");
}, 120_000);

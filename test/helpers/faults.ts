import { redisCli } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { UpError } from "../../rehearsal/engine/up.ts";
import type { Report } from "../../src/verify/types.ts";

/** Releases that must fail, and programs that make them fail: text for Node, because no fault has a switch in the product. */

export interface FailedRelease {
  /** What `up` printed, in one line: the table breaks its words anywhere. */
  readonly printed: string;
  /** What the engine said of the failed command, after all that it printed. */
  readonly error: string;
  /** r12 of the release that failed. */
  readonly release: string;
  /** The report that the host keeps of it. */
  readonly report: Report;
}

/** An `up` that must fail in the release's own transaction; throws when it fails elsewhere, or succeeds. */
export async function failingUp(rehearsal: Rehearsal, changes: Readonly<Record<string, unknown>>): Promise<FailedRelease> {
  const lines: string[] = [];
  const error = await rehearsal.up(changes, (line) => lines.push(line)).then(
    ({ release }) => { throw new Error(`release ${release}: required to fail, and it was verified`); },
    (thrown: unknown) => { if (thrown instanceof UpError) return thrown.message; throw thrown; },
  );
  const release = /berth release ([0-9a-f]{12})/.exec(error)?.[1];
  if (release === undefined) throw new Error(`required: a failure of the release's transaction; found: ${error}`);
  const report = JSON.parse(await rehearsal.exec(["cat", `/var/lib/berth/results/${release}/report.json`])) as Report;
  return { printed: words(lines.map((line) => line.replace(/^release: ?/, "")).join(" ")), error, release, report };
}

/** A text with each run of blanks as one. */
export function words(text: string): string {
  return text.replace(/\s+/g, " ");
}

/** r12 of the host's good release. */
export async function goodRelease(rehearsal: Rehearsal): Promise<string> {
  return (await rehearsal.exec(["cat", "/var/lib/berth/good"])).trim();
}

/** Path of the verifier that a release's compose.yaml mounts: named by its digest. */
export async function verifierOf(rehearsal: Rehearsal, release: string): Promise<string> {
  const compose = await rehearsal.exec(["cat", `/opt/berth/releases/${release}/compose.yaml`]);
  const path = /\/opt\/berth\/verifier\/[0-9a-f]{12}\.mjs/.exec(compose)?.[0];
  if (path === undefined) throw new Error(`release ${release}: required: a verifier's path in its compose.yaml; found none`);
  return path;
}

/**
 * A migration that sets a parameter of the running Redis, as one that went wrong might: the fault comes with the release. Gives the command, and
 * what takes the setting back.
 */
export function setByMigration(name: string, value: string): readonly string[] {
  const code = `const s = require("node:net").connect(6379, "redis"), p = require("node:fs").readFileSync(process.env.REDIS_PASSWORD_FILE, "utf8").trim(); let t = ""; `
    + `s.on("data", (d) => { t += d; if (t.split("OK").length > 2) process.exit(0); if (t.includes("ERR")) process.exit(1); }); `
    + `s.write("AUTH " + p + "\\r\\nCONFIG SET ${name} '${value}'\\r\\n")`;
  return ["node", "-e", code];
}

/** CONFIG SET on the running Redis. */
export async function setBack(rehearsal: Rehearsal, name: string, value: string): Promise<void> {
  await redisCli(rehearsal, `CONFIG SET ${name} "${value}"`);
}

/** The container of `publishRedis`, but started only once a release has begun and has looked at what stood before it. */
export async function publishRedisDuringRelease(rehearsal: Rehearsal): Promise<() => Promise<void>> {
  const image = (await rehearsal.exec(["docker", "inspect", "--format", "{{.Config.Image}}", "berth-api-1"])).trim();
  const begun = "until [ /var/lib/berth/standing -nt /run/publish-later ]; do sleep 0.1; done";
  const run = `exec docker run --detach --name redis-for-a-moment --network berth_backend --publish 6379:6379 --entrypoint node ${image} -e "$0"`;
  await rehearsal.exec(["touch", "/run/publish-later"]);
  await rehearsal.exec(["systemd-run", "--unit=publish-later", "--collect", "sh", "-c", `${begun}; ${run}`, FORWARDER.replaceAll("\n", " ")]);
  return async () => {
    await rehearsal.attempt(["systemctl", "stop", "publish-later"]);
    await rehearsal.exec(["docker", "rm", "--force", "redis-for-a-moment"]);
  };
}

/**
 * A container beside the application that publishes 6379 on every address and passes it on to Redis, as a forgotten `docker run`
 * would. From the application's image: there is no other on the host that has a program for it.
 */
export async function publishRedis(rehearsal: Rehearsal): Promise<() => Promise<void>> {
  const image = (await rehearsal.exec(["docker", "inspect", "--format", "{{.Config.Image}}", "berth-api-1"])).trim();
  await rehearsal.exec(["docker", "run", "--detach", "--name", "redis-for-a-moment", "--network", "berth_backend", "--publish", "6379:6379", "--entrypoint", "node", image, "-e", FORWARDER]);
  return async () => {
    await rehearsal.exec(["docker", "rm", "--force", "redis-for-a-moment"]);
  };
}

const FORWARDER = `
const net = require("node:net");
net.createServer((from) => {
  const to = net.connect(6379, "redis");
  from.pipe(to).pipe(from);
  for (const end of [from, to]) end.on("error", () => undefined);
}).listen(6379, "0.0.0.0");
`;

/** A module for `node --import` that opens one more connection to Redis, signs in, and keeps it. */
export const LEAK = asImport(`
import { readFileSync } from "node:fs";
import { connect } from "node:net";
const password = readFileSync(process.env.REDIS_PASSWORD_FILE, "utf8").trim();
const open = () => {
  const socket = connect(6379, "redis");
  socket.on("connect", () => socket.write("AUTH " + password + "\\r\\nPING\\r\\n"));
  socket.on("error", () => setTimeout(open, 500));
  socket.resume();
};
open();
`);

/** A process that runs, and does nothing. */
export const IDLE = "setInterval(() => undefined, 3_600_000)";

/** A process that ends soon after each start. */
export const CRASH = `setTimeout(() => { console.error("worker: cannot find module 'sharp'"); process.exit(1); }, 300)`;

function asImport(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code.trim())}`;
}

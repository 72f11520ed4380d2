import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";

/** How updates are interrupted, and what is asked past everything that Berth says of them. */

export type Service = "redis" | "postgres";

/** Whether a service lets somebody in with this password, over TCP. The password goes by standard input. */
export async function passwordAccepted(rehearsal: Rehearsal, service: Service, password: string): Promise<boolean> {
  if (service === "redis") {
    const said = await rehearsal.exec(["docker", "exec", "--interactive", "berth-redis-1", "redis-cli"], { input: `AUTH ${password}\nPING\n` });
    return said.trim().endsWith("PONG");
  }
  const ask = 'IFS= read -r PGPASSWORD; export PGPASSWORD; exec psql -XwAth 127.0.0.1 -U app -d app -c "SELECT 1"';
  const { code, stderr } = await rehearsal.attempt(["docker", "exec", "--interactive", "berth-postgres-1", "sh", "-c", ask], { input: `${password}\n` });
  if (code !== 0 && !stderr.includes("password authentication failed")) throw new Error(`sign in to Postgres: required: it answers; found: ${stderr}`);
  return code === 0;
}

/** An `up` that is interrupted once its release has said this, and must fail of it. */
export async function interruptedUp(rehearsal: Rehearsal, changes: Readonly<Record<string, unknown>>, said: RegExp, interrupt: () => void | Promise<void>): Promise<void> {
  const when = async (): Promise<void> => {
    await releaseLog(rehearsal, said);
    await interrupt();
  };
  const [up, interruption] = await Promise.allSettled([rehearsal.up(changes), when()]);
  if (interruption.status === "rejected") throw new Error(`interrupt an update: ${String(interruption.reason)}; the update itself: ${up.status === "rejected" ? String(up.reason) : "succeeded"}`);
  if (up.status === "fulfilled") throw new Error(`interrupt an update: required: it fails; found: release ${up.value.release} was verified, and it knows`);
}

/** On the server itself: from here, one look more or less a second later may be after the release. */
const WATCH = `until=$(($(date +%s) + $1))
while [ "$(date +%s)" -lt "$until" ]; do
  for release in $(systemctl list-units --plain --no-legend 'berth-release-*' | sed -n 's/^berth-release-\\([0-9a-f]*\\).*/\\1/p'); do
    if grep -Eq "$0" "/var/lib/berth/results/$release/log" 2>/dev/null; then exit 0; fi
  done
  sleep 0.1
done
exit 1`;
const RELEASE_SECONDS = 300;

/** Wait until the release that runs now has said this. @throws after five minutes */
async function releaseLog(rehearsal: Rehearsal, wanted: RegExp): Promise<void> {
  const { code } = await rehearsal.attempt(["sh", "-c", WATCH, wanted.source, String(RELEASE_SECONDS)], { timeoutMs: (RELEASE_SECONDS + 30) * 1000 });
  if (code !== 0) throw new Error(`wait for a release: required: it says ${String(wanted)} within ${RELEASE_SECONDS} s; found: none that does`);
}

/** Cut every connection of the deployment to the server, as a network does. What root runs there goes on. */
export async function cutConnections(rehearsal: Rehearsal): Promise<void> {
  await rehearsal.exec(["pkill", "-KILL", "-u", "deploy"]);
}

/** Hold the host's lock, as another release does; gives what frees it. */
export async function holdLock(rehearsal: Rehearsal): Promise<() => Promise<void>> {
  await rehearsal.exec(["systemd-run", "--quiet", "--unit=test-holds-lock", "flock", "/var/lib/berth/lock", "sleep", "900"]);
  await rehearsal.exec(["sh", "-c", "until ! flock -n /var/lib/berth/lock true; do sleep 0.1; done"]);
  return async () => {
    await rehearsal.exec(["systemctl", "stop", "test-holds-lock"]);
  };
}

/** Process id of the engine that carries this rehearsal's `up` out. */
export function deployer(rehearsal: Rehearsal): number {
  const found = processes().filter(({ words }) => /(^|\/)pulumi$/.test(words[0] ?? "") && words[1] === "up" && words.some((word) => word.startsWith(rehearsal.ledger.directory)));
  const [only, ...more] = found;
  if (only === undefined || more.length > 0) throw new Error(`find the engine: required: one \`pulumi up\` of this rehearsal; found: ${found.length}`);
  return only.pid;
}

/** Kill the engine and everything it started, its plugins and the program, without a last word: as when the deployer's machine is lost. */
export function killAll(engine: number): void {
  // The engine was started as the leader of a session, and its plugins stay in that.
  for (const { pid, session } of processes()) if (session === engine) process.kill(pid, "SIGKILL");
}

function processes(): { readonly pid: number; readonly session: number; readonly words: readonly string[] }[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const words = readFileSync(join("/proc", name, "cmdline"), "utf8").split("\0");
      // After the name in brackets: state, parent, group, session.
      const [, , , session] = readFileSync(join("/proc", name, "stat"), "utf8").replace(/^.*\) /s, "").split(" ");
      return [{ pid: Number(name), session: Number(session), words }];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
}

import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { execute, type Log } from "./exec.ts";

const POLICY = "/usr/sbin/policy-rc.d";
const APT_TIMEOUT_MS = 300_000;

/** Whether this machine's own package manager can be used: Debian's apt, and root. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync("/usr/bin/apt-get") && existsSync("/etc/debian_version");
}

/**
 * Install packages from this machine's own apt sources; those the sources do not know are left out. Services are not started. Throws one
 * line on failure.
 */
export async function aptInstall(wanted: readonly string[], log: Log): Promise<void> {
  if (!canInstall()) throw new Error(`installing ${wanted.join(", ")}: root on Debian required. Install it by hand`);
  const apt = (args: readonly string[]): ReturnType<typeof execute> =>
    execute(["apt-get", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2", "-qq", ...args], {
      timeoutMs: APT_TIMEOUT_MS,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  log(`installing ${wanted.join(", ")} by apt`);
  const update = await apt(["update"]);
  const packages: string[] = [];
  for (const name of wanted) {
    const policy = await execute(["apt-cache", "policy", name]);
    if (/Candidate: (?!\(none\))/.test(policy.stdout)) packages.push(name);
  }
  if (packages.length === 0) throw new Error(`installing ${wanted.join(", ")}: no apt source of this machine has it. ${lastLine(update.stderr)}`);
  // Whoever installs a package to start a daemon of its own does not want the distribution's beside it.
  const hold = !existsSync(POLICY);
  if (hold) await writeFile(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const install = await apt(["install", "--yes", "--no-install-recommends", ...packages]);
    if (install.code !== 0) {
      throw new Error(`apt-get install ${packages.join(" ")}: exit 0 required, ${install.code === 124 ? "timed out" : `exit ${install.code}`}: ${lastLine(install.stderr)}`);
    }
  } finally {
    if (hold) await rm(POLICY, { force: true });
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

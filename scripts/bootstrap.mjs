// Runs a TypeScript program of this repository on a machine where nothing was installed: plain Node, no dependency of its own.
// usage: node scripts/bootstrap.mjs PROGRAM.ts [argument ...]
import { spawn, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { delimiter, dirname, join, resolve } from "node:path";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [program, ...args] = process.argv.slice(2);
if (program === undefined) {
  console.error("usage: node scripts/bootstrap.mjs PROGRAM.ts [argument ...]");
  process.exit(2);
}

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node 20.19 or newer is required, found ${process.versions.node}: install it from your distribution or https://nodejs.org`);
  process.exit(1);
}

/** npm writes this file last, so it is newer than the lock exactly when the last install finished for it. */
const installed = join(root, "node_modules", ".package-lock.json");
const lock = join(root, "package-lock.json");
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  console.error("berth: installing npm packages (npm ci) …");
  const result = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.status !== 0) {
    console.error("berth: npm ci failed (above). The npm registry must be reachable once; then run the same command again.");
    process.exit(1);
  }
}

// npm puts node_modules/.bin before everything: its `pulumi` fetches a release at its first use, and would hide one that is installed.
const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.endsWith(join("node_modules", ".bin"))).join(delimiter);
const child = spawn(process.execPath, ["--import", "tsx", resolve(root, program), ...args], { cwd: root, stdio: "inherit", env: { ...process.env, PATH: path } });
// A terminal sends Ctrl-C to the whole group; a supervisor signals only this process. The program cleans up either way.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (!process.stdin.isTTY) child.kill(signal);
  });
}
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));

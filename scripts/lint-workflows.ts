import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../rehearsal/cache.ts";
import { onPath } from "../rehearsal/engine/choice.ts";

/**
 * usage: npm run lint:workflows
 * Lints .github/workflows with actionlint: the one on PATH, else the pinned version, which the Go toolchain builds once and
 * the cache keeps. Exits 1 for findings, and 3 where no actionlint can be had.
 */
const VERSION = "v1.7.12";
const MODULE = `github.com/rhysd/actionlint/cmd/actionlint@${VERSION}`;
const UNAVAILABLE = 3;

function actionlint(): string | undefined {
  const installed = onPath("actionlint");
  if (installed !== undefined) return installed;
  const folder = cacheDirectory(`actionlint-${VERSION}`);
  const built = join(folder, "actionlint");
  if (existsSync(built)) return built;
  if (onPath("go") === undefined) return undefined;
  const { status, stderr } = spawnSync("go", ["install", MODULE], { encoding: "utf8", env: { ...process.env, GOBIN: folder, GOFLAGS: "-mod=mod" } });
  if (status === 0) return built;
  console.error(`go install ${MODULE}: ${stderr.trim().split("\n").at(-1) ?? ""}`);
  return undefined;
}

const program = actionlint();
if (program === undefined) {
  console.error(`linting workflows: required actionlint on PATH, or Go and its module proxy to build ${VERSION} with; found neither; see https://github.com/rhysd/actionlint`);
  process.exit(UNAVAILABLE);
}
// Its other linters would judge by what happens to be installed.
const { status } = spawnSync(program, ["-no-color", "-shellcheck=", "-pyflakes="], { cwd: join(import.meta.dirname, ".."), stdio: "inherit" });
if (status === 0) console.log("workflows: nothing to mend");
process.exit(status ?? 1);

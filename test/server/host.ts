import { execFile } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/**
 * A host for `server/` that is a scratch directory: BERTH_ROOT stands before every absolute path, and what would reach Docker, systemd, the kernel
 * or a disk is a fake that records its whole command line and answers as the test says.
 */

const SERVER = join(import.meta.dirname, "../../server");
const FAKES = [
  "docker", "systemctl", "systemd-run", "mount", "mountpoint", "blkid", "e2fsck", "mkfs.ext4", "chattr", "chown", "sysctl", "nft", "iptables", "ss", "sshd",
  "systemd-tmpfiles", "pgrep", "stat", "sleep", "blockdev", "dumpe2fs", "resize2fs",
];

/** What every fake runs. `answers`, from the test, comes first: a branch of `case "$name $*" in`. */
const FAKE = `#!/bin/sh
name=\${0##*/}
[ "$name" = sleep ] && exec /bin/sleep 0.01
printf '%s\\n' "$name $*" >>"$FAKE/calls"
. "$FAKE/answers.sh"
case "$name $*" in
  "docker version "*) echo 26.1.5 ;;
  *"config --services"*) printf '%s\\n' redis postgres api worker proxy ;;
  *" verify") for word; do case $word in *:/run/berth) touch "\${word%:/run/berth}/settled" ;; esac; done
    cat >"$FAKE/facts"; echo "table for people" >&2; echo '{"version":1,"verdict":"pass"}' ;;
  "stat "*) echo 999 ;;
  "blkid "*) echo 'TYPE="ext4"' ;;
  "systemctl show "*) echo inactive ;;
  # The unit, here in the foreground.
  "systemd-run "*)
    for word; do case $word in --property=StandardOutput=truncate:*) log=\${word#*truncate:} ;; esac; done
    while case $1 in --*) true ;; *) false ;; esac; do shift; done
    "$@" >"$log" 2>&1 || : ;;
esac
`;

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  /** Standard error without the time of day. */
  readonly stderr: string;
  /** Whole command lines, in order, of this run. */
  readonly calls: readonly string[];
}

export interface ReleaseOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly host?: Readonly<Record<string, string>>;
  /** Paths on the host that its containers mount. */
  readonly mounts?: readonly string[];
}

export const RELEASE_ENV: Readonly<Record<string, string>> = {
  BERTH_PROJECT: "berth", BERTH_IMAGES: "redis:8 postgres:17 app:1", BERTH_STATEFUL: "redis=redis:8 postgres=postgres:17", BERTH_MIGRATE: "1", BERTH_MIGRATE_SECONDS: "900",
  BERTH_WAIT_SECONDS: "60", BERTH_STOP_SECONDS: "90", BERTH_VERIFY_SECONDS: "30", BERTH_VOLUME_ID: "101",
  BERTH_VOLUME_DEVICE: "/dev/disk/by-id/scsi-0HC_Volume_101", BERTH_MOUNT: "/mnt/berth", BERTH_REDIS_UID: "999", BERTH_POSTGRES_UID: "999",
  BERTH_PROXY_UID: "999", BERTH_SCRIPTS: "abcabcabcabc", BERTH_REGISTRY: "", BERTH_REGISTRY_USER: "", BERTH_REGISTRY_SECRET: "",
  BERTH_REDIS_SECRET: "/opt/berth/secrets/redis_password-000000000000",
};

export class Host {
  readonly root = mkdtempSync(join(tmpdir(), "berth-server-"));
  readonly #fake = join(this.root, "fake");

  constructor() {
    onTestFinished(() => {
      rmSync(this.root, { recursive: true, force: true });
    });
    cpSync(SERVER, join(this.root, "opt/berth/scripts/abcabcabcabc"), { recursive: true });
    symlinkSync("abcabcabcabc", join(this.root, "opt/berth/scripts/current"));
    for (const name of FAKES) {
      this.write(`fake/bin/${name}`, FAKE);
      chmodSync(join(this.#fake, "bin", name), 0o755);
    }
    this.answer("");
    this.write("dev/disk/by-id/scsi-0HC_Volume_101", "device");
    this.write("mnt/berth/.berth-volume", "101\n");
    for (const name of ["redis", "postgres", "caddy"]) mkdirSync(join(this.root, "mnt/berth", name));
    this.write("opt/berth/secrets/redis_password-000000000000", "hunter22");
  }

  /** Branches of `case "$name $*" in`: how fakes answer from now on; what they leave open has a sane answer. */
  answer(branches: string): void {
    this.write("fake/answers.sh", `case "$name $*" in\n${branches}\nesac\n`);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  /** Undefined when there is no such file. */
  read(path: string): string | undefined {
    return existsSync(join(this.root, path)) ? readFileSync(join(this.root, path), "utf8") : undefined;
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }

  /** The next time that this file is written, its disk is full. */
  full(path: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    rmSync(join(this.root, `${path}.tmp`), { force: true });
    symlinkSync("/dev/full", join(this.root, `${path}.tmp`));
  }

  lay(r12: string, { env = {}, host = {}, mounts = [] }: ReleaseOptions = {}): void {
    const values = Object.entries({ ...RELEASE_ENV, BERTH_RELEASE: r12, ...env });
    this.write(`opt/berth/releases/${r12}/compose.yaml`, `name: berth\n${mounts.map((path) => `        source: ${path}\n`).join("")}`);
    this.write(`opt/berth/releases/${r12}/release.env`, values.map(([key, value]) => `${key}='${value}'\n`).join(""));
    for (const [path, text] of Object.entries(host)) this.write(`opt/berth/releases/${r12}/host${path}`, text);
  }

  /** The scripts once more, as another release brings them. */
  copyScripts(name: string): void {
    cpSync(SERVER, join(this.root, "opt/berth/scripts", name), { recursive: true });
  }

  /** Which scripts the host's units run. */
  scriptsInPlace(): string {
    return readlinkSync(join(this.root, "opt/berth/scripts/current"));
  }

  /** What a line of shell says that sees the scripts' own names. */
  async sourced(line: string): Promise<string> {
    this.write("opt/berth/scripts/sourced/berth", `${readFileSync(join(SERVER, "berth"), "utf8").replace(/^command=[^]*/m, "")}\n${line}\n`);
    cpSync(SERVER, join(this.root, "opt/berth/scripts/sourced"), { recursive: true, filter: (path) => !path.endsWith("/berth") });
    return (await this.run([], {}, "sourced")).stdout.trim();
  }

  /** Runs in a session of its own, which is what a test kills that stands for a power cut. */
  async run(args: readonly string[], env: Readonly<Record<string, string>> = {}, scripts = "current"): Promise<Outcome> {
    rmSync(join(this.#fake, "calls"), { force: true });
    const entry = join(this.root, "opt/berth/scripts", scripts, "berth");
    const environment = { ...process.env, BERTH_ROOT: this.root, FAKE: this.#fake, PATH: `${this.#fake}/bin:${process.env.PATH ?? ""}`, ...env };
    return await new Promise((resolve) => {
      execFile("setsid", ["dash", entry, ...args], { env: environment, timeout: 30_000 }, (error, stdout, stderr) => {
        resolve({
          code: error === null ? 0 : Number(error.code ?? -1),
          stdout: this.#plain(stdout),
          stderr: this.#plain(stderr).replaceAll(/^\d\d:\d\d:\d\d /gm, ""),
          calls: this.#plain(this.read("fake/calls") ?? "").split("\n").filter((line) => line !== ""),
        });
      });
    });
  }

  /** Without what differs from run to run. */
  #plain(text: string): string {
    return text.replaceAll(this.root, "").replaceAll(/(run\/berth\/\w+)\.[A-Za-z0-9]{6}/g, "$1.XXXXXX");
  }
}

export function mustSucceed(run: Outcome): void {
  if (run.code !== 0) throw new Error(`required: exit 0; found: ${run.code}\n${run.stderr}`);
}

/** A host on which release `r12` is good and runs. */
export async function living(r12: string): Promise<Host> {
  const host = new Host();
  host.lay(r12);
  mustSucceed(await host.run(["release", r12]));
  return host;
}

/** A branch for `Host.answer`: the verifier of this release (default: of any) ends with this code and this report. */
export function verdict(code: number, report: string, r12 = ""): string {
  return `*"${r12}"*" verify") for word; do case $word in *:/run/berth) touch "\${word%:/run/berth}/settled" ;; esac; done
    cat >/dev/null; echo '${report}'; exit ${code} ;;`;
}

/** Command lines that change something: without the questions. */
export function acts(calls: readonly string[]): string[] {
  return calls
    .filter((line) => !/^(stat|mountpoint|docker (version|ps|inspect|image inspect)|docker rm --force berth-verify|systemctl (show|is-enabled)|pgrep|ss|iptables -w 5 -S|nft list|blockdev|dumpe2fs)\b/.test(line))
    .filter((line) => !line.includes("config --services"))
    .map((line) => line.replace(/^docker compose --ansi never --project-name berth --file \/opt\/berth\/releases\/(\w+)\/compose.yaml/, "compose $1:"));
}

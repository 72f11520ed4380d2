import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Why there can be no sshd here; undefined when there can. */
export const sshdMissing = existsSync("/usr/sbin/sshd") ? undefined : "no /usr/sbin/sshd: install openssh-server to run this";

/** A real sshd on a port of the loopback interface, with keys of its own, that signs in whoever runs the test. */
export class Sshd {
  readonly directory = mkdtempSync(join(tmpdir(), "berth-sshd-"));
  readonly user = userInfo().username;
  readonly port: number;
  /** What sshd wrote: `Accepted publickey …` for each sign-in. */
  log = "";
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
    this.#keys("host");
    this.#keys("client");
    writeFileSync(join(this.directory, "authorized_keys"), this.read("client.pub"), { mode: 0o600 });
    writeFileSync(join(this.directory, "sshd_config"), [
      `Port ${port}`, "ListenAddress 127.0.0.1", `HostKey ${this.directory}/host`, `AuthorizedKeysFile ${this.directory}/authorized_keys`,
      "PidFile none", "UsePAM no", "StrictModes no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password", "LogLevel INFO", "",
    ].join("\n"));
  }

  static async start(): Promise<Sshd> {
    const sshd = new Sshd(await freePort());
    await sshd.listen();
    return sshd;
  }

  /** Without listening: for tests in which it comes later. */
  static async prepare(): Promise<Sshd> {
    return new Sshd(await freePort());
  }

  async listen(): Promise<void> {
    // Where sshd as root separates privileges; the package's service makes it otherwise.
    if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
    this.#process = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", join(this.directory, "sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.log += text;
    });
    for (let i = 0; i < 100; i++) {
      if (await answers(this.port)) return;
      await sleep(50);
    }
    throw new Error(`start sshd: it does not answer on port ${this.port}: ${this.log}`);
  }

  read(name: string): string {
    return readFileSync(join(this.directory, name), "utf8");
  }

  get signIns(): number {
    return this.log.split("Accepted publickey").length - 1;
  }

  stop(): void {
    this.#process?.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #keys(name: string): void {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(this.directory, name)]);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

import { execFile } from "node:child_process";
import { join } from "node:path";
import { runOverSsh } from "../../../src/ssh.ts";
import { laptop } from "../../../rehearsal/laptop.ts";
import type { Rehearsal } from "../../../rehearsal/rehearsal.ts";
import type { Report } from "../../../src/verify/types.ts";
import { check, ROOT } from "../deployment.ts";
import type { Row } from "./rounds.ts";

/** Following the verification's advice as a person does: what stands between backticks is typed, what is a setting is set. */

/** Those that only look. */
const LOOKS = /^berth (?:logs|doctor|status|verify)\b|^berth ssh -- (?:findmnt|timedatectl|sudo (?:dmesg|ss))\b|^npx pulumi up$/;

/** The commands in an advice that change something, in its order. */
export function commands(advice: string): string[] {
  return [...advice.matchAll(/`((?:berth|npx) [^`]+)`/g)].map(([, command = ""]) => command).filter((command) => !LOOKS.test(command));
}

/**
 * Follow the advice of each row's check; a command that several give is typed once.
 * @returns what was done, a line each
 */
export async function follow(it: Rehearsal, rows: readonly Row[], report: Report): Promise<string[]> {
  const done: string[] = [];
  const settings: Record<string, unknown> = {};
  const last: string[] = [];
  for (const { id, named, follow: how } of rows) {
    const { advice } = check(report, named ?? id);
    if (how === "typed") {
      const typed = commands(advice);
      if (typed.length === 0) throw new Error(`${id}: a command to type is required in its advice, found: ${advice}`);
      for (const command of typed) {
        if (done.includes(command) || last.includes(command)) continue;
        // What lays down and releases comes last; a refresh may be what lets the next command in.
        if (command.startsWith("npx pulumi") && !command.includes("--refresh")) last.push(command);
        else {
          await type(it, command);
          done.push(command);
        }
      }
    } else if (isByHand(how)) {
      if (!how.says.test(advice)) throw new Error(`${id}: its advice must say ${String(how.says)}, found: ${advice}`);
      await how.hand(it);
    } else {
      const unsaid = Object.keys(how).filter((key) => !advice.includes(key.replace(/^(?:worker|api)\./, "")));
      if (unsaid.length > 0) throw new Error(`${id}: its advice must name ${unsaid.join(", ")}, found: ${advice}`);
      Object.assign(settings, how);
    }
  }
  for (const { afterwards } of rows) await afterwards?.(it);
  // What releases comes last, and once: with the settings that were changed where any were.
  if (Object.keys(settings).length > 0) await it.pulumi.configure(it.configWith(settings));
  for (const command of last) {
    await type(it, command);
    done.push(command);
  }
  if (Object.keys(settings).length > 0) {
    await it.up(settings);
    done.push(`up ${Object.keys(settings).join(" ")}`);
  }
  return done;
}

function isByHand(how: Exclude<Row["follow"], "typed">): how is { readonly says: RegExp; readonly hand: (it: Rehearsal) => Promise<unknown> } {
  return "says" in how && how["says"] instanceof RegExp;
}

/** @throws unless it exits 0 */
export async function type(it: Rehearsal, command: string): Promise<void> {
  // What `berth ssh` does, without a look at Pulumi's stack for each.
  const remote = /^berth ssh -- (.*)$/.exec(command)?.[1];
  const { code, said } = remote === undefined ? await onLaptop(it, command) : await onServer(it, remote);
  if (code !== 0) throw new Error(`following an advice: exit 0 is required of ${command}, found ${code}: ${said.slice(-2000)}`);
}

async function onServer(it: Rehearsal, command: string): Promise<Answer> {
  const { code, stdout, stderr } = await runOverSsh(it.sshTarget, command, { timeoutSeconds: 180 });
  return { code, said: stdout + stderr };
}

interface Answer {
  readonly code: number;
  readonly said: string;
}

/** A shell on the laptop that the stack belongs to. */
export async function onLaptop(it: Rehearsal, command: string): Promise<Answer> {
  const shell = `berth() { ${JSON.stringify(process.execPath)} ${JSON.stringify(join(ROOT, "src/cli/bin.mjs"))} "$@"; }; npx() { "$@" --yes --skip-preview --non-interactive; }; ${command}`;
  const env = { ...it.pulumi.environment, ...(await laptop(it.pulumi, it.ledger.directory)) };
  return new Promise((resolve) => {
    execFile("sh", ["-c", shell], { env, timeout: 300_000, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, said: stdout + stderr });
    });
  });
}

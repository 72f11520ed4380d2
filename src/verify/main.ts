import { readFile } from "node:fs/promises";
import { readExpectations } from "./expectations.ts";
import { gather } from "./gather.ts";
import { redact } from "./redact.ts";
import { crashReport, exitCode, report } from "./report.ts";
import { table } from "./table.ts";
import { within } from "./time.ts";
import { messageOf } from "./words.ts";
import type { Report } from "./types.ts";

/**
 * Entry of the bundle that runs on the server: `node verify.mjs [EXPECTATIONS [SETTLED-FILE]]`. The protocol is in
 * docs/architecture.md: table on standard error, report on standard output as one line, exit 0, 10 or 11.
 */

const [expectationsPath = "/berth/expect.json", settledFile = "/run/berth/settled"] = process.argv.slice(2);
/** Beside the settle window: 10 s where Redis was late, 60 s for the facts. The host gives 90 (`verifySeconds`). */
const BESIDE_SETTLING_MS = 75_000;
const secrets: string[] = [];
const start = Date.now();

async function verify(): Promise<Report> {
  const expectations = readExpectations(await readFile(expectationsPath, "utf8"));
  const bound = expectations.settleSeconds * 1000 + BESIDE_SETTLING_MS;
  const gathering = gather({ expectations, settledFile, input: process.stdin, keepSecret: (secret) => secrets.push(secret) });
  return report(await within(bound, "gathering the facts", gathering), expectations, Date.now() - start);
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(redact(text, secrets), () => { resolve(); });
  });
}

let ended = false;
async function conclude(result: Report): Promise<void> {
  if (ended) return;
  ended = true;
  await write(process.stderr, table(result));
  await write(process.stdout, `${JSON.stringify(result)}\n`);
  // Whatever still waits (a standard input that nobody closes) must not hold the verdict back.
  process.exit(exitCode(result));
}

function crashed(error: unknown): void {
  void conclude(crashReport(messageOf(error), new Date().toISOString(), Date.now() - start));
}

process.on("uncaughtException", crashed);
process.on("unhandledRejection", crashed);
verify().then(conclude, crashed);

import { inspect } from "node:util";
import { type Job, jobSchema, type Report } from "./protocol.ts";
import { runProgram } from "./run.ts";
import { redactor } from "./secrets.ts";

/**
 * The process that runs one Pulumi program. It is a process of its own because Pulumi keeps globals, Node caches modules,
 * and a failed registration leaves dozens of unhandled rejections behind. It lives as long as its parent's channel does.
 */
const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt.abort());
process.on("disconnect", () => {
  interrupt.abort();
  // Time for commands to end in; nobody is left to tell.
  setTimeout(() => process.exit(1), 3_000);
});

let redact = (text: string): string => text;
const rejections: string[] = [];
process.on("unhandledRejection", (reason) => rejections.push(reason instanceof Error ? (reason.stack ?? reason.message) : inspect(reason)));
process.on("uncaughtException", (error) => rejections.push(error.stack ?? error.message));

/** What Pulumi and the program print goes the way of every other line. */
for (const method of ["log", "info", "warn", "error", "debug"] as const) {
  console[method] = (...parts: unknown[]) => send({ kind: "log", line: redact(parts.map((part) => (typeof part === "string" ? part : inspect(part))).join(" ")) });
}

process.once("message", (message) => {
  void main(jobSchema.parse(message));
});
send({ kind: "ready" });

async function main(job: Job): Promise<void> {
  redact = redactor([job.token, ...job.secretKeys.flatMap((key) => job.config[key] ?? [])]);
  const outcome = await runProgram(job, { signal: interrupt.signal, log: (line) => send({ kind: "log", line: redact(line) }), rejections });
  if (outcome.kind === "done") send(outcome, 0);
  else send({ ...outcome, message: redact(outcome.message) }, interrupt.signal.aborted ? 130 : 1);
}

/** Send; with an exit code, leave once it is sent. Pulumi's callback server would keep the process alive otherwise. */
function send(report: Report, exitCode?: number): void {
  if (!process.connected) {
    if (exitCode !== undefined) process.exit(exitCode);
    return;
  }
  process.send?.(report, undefined, undefined, () => {
    if (exitCode !== undefined) process.exit(exitCode);
  });
}


import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import { CANCELLED, Engine, type Failure } from "./engine.ts";
import { properties } from "./handler.ts";
import { HcloudClient } from "./hcloud-client.ts";
import { extendMonitor } from "./monitor.ts";
import type { Counters, Job, StackOutput } from "./protocol.ts";
import { State } from "./state.ts";

export type Outcome =
  | { readonly kind: "done"; readonly outputs: StackOutput[]; readonly counters: Counters }
  | { readonly kind: "failed"; readonly message: string; readonly counters: Counters };

interface Surroundings {
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** Filled by the process's own handler of unhandled rejections. */
  readonly rejections: readonly string[];
}

/** Run the program once, as `pulumi up` would. Never rejects: a failure is an outcome. */
export async function runProgram(job: Job, { signal, log, rejections }: Surroundings): Promise<Outcome> {
  const hcloud = new HcloudClient({ endpoint: job.endpoint, token: job.token, signal });
  const state = new State(job.stateFile);
  const engine = new Engine({ hcloud, state, signal, log });
  extendMonitor();
  await pulumi.runtime.setMocks(engine, job.project, job.stack, false, "organization");
  pulumi.runtime.setAllConfig(job.config, job.secretKeys);

  const program = runAndUnwrap(job.programPath);
  // A resource whose outputs nobody reads is registered all the same: the program is done when no registration is left.
  const complete = program.then(async (ended) => {
    await pulumi.runtime.disconnect();
    return ended;
  });
  const outcome = await Promise.race([complete, failedAndQuiet(engine, signal)]);
  await engine.idle();
  await sleep(0);

  const message = failureText(engine.failures, "error" in outcome ? outcome.error : undefined, rejections, signal.aborted);
  if (message !== undefined) return { kind: "failed", message, counters: engine.counters };
  if (!("outputs" in outcome)) return { kind: "failed", message: "the program ended without a result and without an error", counters: engine.counters };
  for (const urn of state.urns().filter((it) => !engine.seen.has(it))) log(`- ${urn.split("::").at(-1) ?? urn} is no longer in the program; the in-process engine deletes nothing`);
  return { kind: "done", outputs: outcome.outputs, counters: engine.counters };
}

type Ended = { readonly outputs: StackOutput[] } | { readonly error: unknown };

async function runAndUnwrap(programPath: string): Promise<Ended> {
  try {
    // Kept here, because the stack gives its outputs back with secrets unmarked.
    let exported = {};
    await pulumi.runtime.runInPulumiStack(async () => {
      const module: unknown = await import(pathToFileURL(programPath).href);
      exported = properties(module);
      return exported;
    });
    return { outputs: await Promise.all(Object.entries(exported).map(unwrapOutput)) };
  } catch (error) {
    return { error };
  }
}

async function unwrapOutput([name, value]: [string, unknown]): Promise<StackOutput> {
  const output = pulumi.output(value) as pulumi.Output<unknown> & { promise(): Promise<unknown> };
  // Pulumi answers with "" for an empty text, against its own type.
  const secret: unknown = await pulumi.isSecret(output);
  return { name, secret: secret === true, value: await output.promise() };
}

/** After a failure a program may wait for ever for an output that will not come. */
async function failedAndQuiet(engine: Engine, signal: AbortSignal): Promise<Ended> {
  while (engine.failures.length === 0 && !signal.aborted) await sleep(100);
  await engine.idle();
  await sleep(500);
  return { error: undefined };
}

/**
 * One text for everything that went wrong. What a failed resource brings in its wake (its own error again from every
 * output that depends on it) is left out; anything else is kept.
 */
export function failureText(failures: readonly Failure[], programError: unknown, rejections: readonly string[], interrupted: boolean): string | undefined {
  if (interrupted) return "interrupted";
  const told = failures.map((failure) => failure.message);
  const isNew = (text: string): boolean => !text.includes(CANCELLED) && !told.some((message) => text.includes(message));
  const lines = failures.map((failure) => `${failure.subject}: ${failure.message}`);
  const add = (text: string): void => {
    if (!isNew(text)) return;
    told.push(text);
    lines.push(text);
  };
  if (programError !== undefined) add(errorText(programError));
  for (const rejection of rejections) add(rejection);
  return lines.length === 0 ? undefined : lines.join("\n");
}

/** A fault the program states needs no stack; one it did not foresee does. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === "Error" || error.name === "RunError" ? error.message : (error.stack ?? error.message);
}

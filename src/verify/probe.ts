import { typedOutside } from "./advice.ts";
import { hostClock, type ProbedPort, probeCertificate, probeClosed, probeOpen, probeOperators, probeReady } from "./checks/outside.ts";
import type { Fact } from "./fact.ts";
import { type Answer, lookAtAnswer, lookAtCertificate, lookAtPort, type Target } from "./probe-look.ts";
import { type ProbeOptions, probeOptions } from "./probe-options.ts";
import { exitCode } from "./report.ts";
import { table } from "./table.ts";
import { sleep } from "./time.ts";
import type { Check, Report } from "./types.ts";
import { decide } from "./verdict.ts";

/** The same deployment seen from where the deployer stands. */

/** A first certificate takes Let's Encrypt some seconds, on a bad day a minute. */
const PATIENCE_MS = 90_000;
const RETRY_MS = 1000;

/** Looks at the server from here. Bounded by its patience and about twenty seconds; throws nothing. */
export async function probe(options: ProbeOptions): Promise<Check[]> {
  const { address, address6, domain, readyPath, untrustedCertificate: untrusted = false } = options;
  const target: Target = {
    address, untrusted,
    port: domain === undefined ? options.httpPort ?? 80 : options.httpsPort ?? 443,
    ...(domain === undefined ? {} : { domain }),
  };
  const addresses = address6 === undefined ? [address] : [address, address6];
  const [open, closed, ready] = await Promise.all([
    lookAtPorts(addresses, options.open),
    lookAtPorts(addresses, options.closed),
    answerWithPatience(target, readyPath, options.patienceMs ?? PATIENCE_MS),
  ]);
  const operatorsPath = options.operatorsPath ?? "/ops/queue";
  const checks = [
    probeOpen(open), probeClosed(closed), probeReady(ready, readyPath),
    probeOperators(await lookAtAnswer(target, operatorsPath), operatorsPath), hostClock(ready),
  ];
  const certificate = domain === undefined ? [] : [probeCertificate(await lookAtCertificate(address, target.port, domain), domain, Date.now(), untrusted)];
  return typedOutside([...checks, ...certificate], { project: options.project ?? "berth", node: options.node });
}

function lookAtPorts(addresses: readonly string[], ports: readonly number[]): Promise<ProbedPort[]> {
  const places = addresses.flatMap((address) => ports.map((port) => ({ address, port })));
  return Promise.all(places.map(async ({ address, port }) => ({ address, port, ...(await lookAtPort(address, port)) })));
}

/** The first 200, or the last answer when patience is over. */
async function answerWithPatience(target: Target, path: string, patienceMs: number): Promise<Fact<Answer>> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const answer = await lookAtAnswer(target, path);
    if ((answer.known && answer.value.status === 200) || Date.now() + RETRY_MS > end) return answer;
    await sleep(RETRY_MS);
  }
}

/**
 * What `berth probe` runs: options from the environment (`probeOptions`), table on standard error, report as one line on standard
 * output. Returns the exit code: 0, 10 or 11.
 */
export async function probeMain(environment: Readonly<Record<string, string | undefined>>): Promise<number> {
  const options = probeOptions(environment);
  const start = Date.now();
  const checks = await probe(options);
  const report: Report = {
    version: 1, release: environment["BERTH_PROBE_RELEASE"] ?? "", at: new Date().toISOString(), ...decide(checks),
    settleMs: 0, totalMs: Date.now() - start, connections: [], checks,
  };
  process.stderr.write(table(report));
  // For a program: a person has the table.
  if (!process.stdout.isTTY) process.stdout.write(`${JSON.stringify(report)}\n`);
  return exitCode(report);
}

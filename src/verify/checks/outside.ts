import type { Validity } from "../host-facts.ts";
import type { Fact } from "../fact.ts";
import type { Answer, Certificate, PortState } from "../probe-look.ts";
import type { Check } from "../types.ts";
import { fail, pass, unknown, verdict } from "../verdict.ts";

/** What the server shows to where the deployer stands. */

export interface ProbedPort {
  readonly address: string;
  readonly port: number;
  readonly state: PortState;
  readonly detail: string;
}

function place({ address, port }: ProbedPort): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** What `connect` says where this machine has no IPv6: of the server, that says nothing. */
const NO_ROUTE = new Set(["ENETUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"]);

function withoutRoute({ address, detail }: ProbedPort): boolean {
  return address.includes(":") && NO_ROUTE.has(detail);
}

export function probeOpen(ports: readonly ProbedPort[]): Check {
  const expected = `open: ${ports.map(place).join(", ")}`;
  const seen = ports.filter((port) => !withoutRoute(port));
  const faults = seen.filter(({ state }) => state !== "open").map((port) => `${place(port)} ${port.detail}`);
  if (faults.length > 0 || seen.length === ports.length) return verdict("probe.open", faults, expected, expected);
  return pass("probe.open", `open: ${seen.map(place).join(", ")}`, expected, "IPv6 was not looked at: this machine has no route to it");
}

export function probeClosed(ports: readonly ProbedPort[]): Check {
  const expected = `closed: ${ports.map(place).join(", ")}`;
  const faults = ports.filter(({ state }) => state === "open").map((port) => `${place(port)} is open`);
  return verdict("probe.closed", faults, expected, expected);
}

export function probeReady(answer: Fact<Answer>, path: string): Check {
  const expected = `200 on ${path} through the proxy`;
  if (!answer.known) return fail("probe.ready", answer.why, expected);
  const { status, sentAt, heardAt } = answer.value;
  return status === 200 ? pass("probe.ready", `200 after ${heardAt - sentAt} ms`, expected) : fail("probe.ready", String(status), expected);
}

export function probeOperators(answer: Fact<Answer>, path: string): Check {
  const expected = `404 or 403 on ${path}`;
  if (!answer.known) return unknown("probe.operators", answer.why, expected);
  const { status } = answer.value;
  return status === 404 || status === 403 ? pass("probe.operators", String(status), expected) : fail("probe.operators", String(status), expected);
}

const DAY_MS = 86_400_000;
/** Caddy renews a certificate of 90 days with 30 left: one that is this old has failed to renew for weeks. */
const DAYS_FAIL = 7;
const DAYS_WARN = 14;

/**
 * How long a certificate is still good for. A private authority may give it a day and Let's Encrypt six: of a short life the same parts count as of 90
 * days, a twelfth and a sixth. Caddy renews with a third left.
 */
export function remaining({ starts, ends }: Validity, now: number): { readonly said: string; readonly required: string; readonly wanted: string; readonly fails: boolean; readonly late: boolean } {
  const life = Number.isNaN(starts) ? Number.POSITIVE_INFINITY : ends - starts;
  const [least, enough] = [Math.min(DAYS_FAIL * DAY_MS, life / 12), Math.min(DAYS_WARN * DAY_MS, life / 6)];
  const left = ends - now;
  return { said: `${span(left)} left`, required: `${span(least)} or more`, wanted: `${span(enough)} or more`, fails: !(left >= least), late: left < enough };
}

function span(ms: number): string {
  return ms > 0 && ms < 2 * DAY_MS ? `${Math.floor(ms / 3_600_000)} hours` : `${Math.floor(ms / DAY_MS)} days`;
}

export function probeCertificate(certificate: Fact<Certificate>, domain: string, now: number, untrusted: boolean): Check {
  if (!certificate.known) return fail("probe.certificate", certificate.why, `valid for ${domain}, ${DAYS_FAIL} days or more`);
  const { fault, validFrom, validTo, issuer } = certificate.value;
  const left = remaining({ starts: Date.parse(validFrom), ends: Date.parse(validTo) }, now);
  const [said, expected] = [`${left.said}, issued by ${issuer}`, `valid for ${domain}, ${left.required}`];
  if (fault !== undefined && !untrusted) return fail("probe.certificate", `${fault}; ${said}`, expected);
  if (left.fails) return fail("probe.certificate", said, expected);
  if (fault !== undefined) return pass("probe.certificate", said, expected, "of a staging authority (acme.staging): browsers do not trust it");
  return pass("probe.certificate", said, expected, left.late ? "it should have been renewed by now" : undefined);
}

const CLOCK_MS = 5000;

/** The Date header names the second that has begun, so that the true time is half a second later on average. */
export function hostClock(answer: Fact<Answer>): Check {
  const expected = "within 5 s of this machine's";
  if (!answer.known) return unknown("host.clock", answer.why, expected);
  const { date, sentAt, heardAt } = answer.value;
  const there = Date.parse(date ?? "");
  if (Number.isNaN(there)) return unknown("host.clock", "the answer has no Date", expected);
  const off = there + 500 - (sentAt + heardAt) / 2;
  const said = `${(Math.abs(off) / 1000).toFixed(1)} s ${off < 0 ? "behind" : "ahead of"} this machine's`;
  return Math.abs(off) <= CLOCK_MS ? pass("host.clock", said, expected) : fail("host.clock", said, expected);
}

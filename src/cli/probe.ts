import { z } from "zod";
import { fromStack } from "../config/stack.ts";
import { probeMain } from "../verify/probe.ts";
import { CommandError, UsageError } from "./command.ts";
import { takeStack } from "./host.ts";
import { mustRun, ofStack, runPulumi, type RunPulumi } from "./pulumi.ts";

export const help = `
Looks at a server from where you stand: ports that must answer and ports that
must not, readiness through the proxy, the certificate, the clock.

options
  --stack=NAME               the server of this stack; default: the selected
                             stack, unless the environment tells of a server:

  BERTH_PROBE_ADDRESS        its address (pulumi stack output address)
  BERTH_PROBE_ADDRESS6       its IPv6 address, if it has one (output address6)
  BERTH_PROBE_APP_PORT       the API's own port, which must not answer; 3000
  BERTH_PROBE_DOMAIN         name it is served under by HTTPS; empty: plain HTTP
  BERTH_PROBE_READY_PATH     default /readyz
  BERTH_PROBE_ACME_STAGING   true: the certificate is a staging one
  BERTH_PROBE_PROJECT        berth:project, for the advice; default berth
  BERTH_PROBE_NODE           of several nodes the proxy's, for the advice

Prints a table on standard error, and one line of JSON on standard output where
that is no terminal.
Exit code: 0 passed, 10 the release is at fault, 11 the host is.
`;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, rest } = takeStack(args);
  if (rest.length > 0) throw new UsageError(`required --stack or nothing; found ${rest.join(" ")}`);
  // The program tells its own probe by the environment; a person means a stack.
  const isTold = stack === undefined && (process.env["BERTH_PROBE_ADDRESS"] ?? "") !== "";
  return probeMain(isTold ? process.env : await environmentOf(stack, runPulumi));
}

const outputs = z.object({ address: z.string().optional(), address6: z.string().optional() });

const settings = z.object({
  project: z.string().optional(),
  nodes: z.record(z.string(), z.object({ roles: z.array(z.string()), count: z.number().optional() })).optional(),
  domain: z.string().optional(),
  app: z.object({ readyPath: z.string().optional(), port: z.number().optional() }).optional(),
  acme: z.object({ staging: z.boolean().optional() }).optional(),
});

/** What the probe is told of a stack's server: as the program tells it (`src/resources/release.ts`). */
export async function environmentOf(stack: string | undefined, pulumi: RunPulumi): Promise<Record<string, string>> {
  const { address, address6 } = outputs.parse(JSON.parse(await mustRun(pulumi, "finding the server's address", ["stack", "output", "--json", ...ofStack(stack)])));
  if (address === undefined) throw new CommandError("finding the server's address: required the output `address`; found none; `npx pulumi up` makes a server first");
  const config = z.record(z.string(), z.object({ value: z.string().optional() }))
    .parse(JSON.parse(await mustRun(pulumi, "reading the stack's settings", ["config", "--json", ...ofStack(stack)])));
  const own = Object.entries(config).flatMap(([key, { value }]) => (key.startsWith("berth:") && value !== undefined ? [[key.slice("berth:".length), value]] : []));
  const { project, nodes = {}, domain, app, acme } = settings.parse(fromStack(Object.fromEntries(own)));
  const isAlone = Object.values(nodes).reduce((sum, { count = 1 }) => sum + count, 0) < 2;
  const node = isAlone ? undefined : Object.entries(nodes).find(([, { roles }]) => roles.includes("proxy"))?.[0];
  return {
    BERTH_PROBE_ADDRESS: address,
    ...(address6 === undefined || address6 === "" ? {} : { BERTH_PROBE_ADDRESS6: address6 }),
    BERTH_PROBE_DOMAIN: domain ?? "",
    BERTH_PROBE_READY_PATH: app?.readyPath ?? "/readyz",
    ...(app?.port === undefined ? {} : { BERTH_PROBE_APP_PORT: String(app.port) }),
    BERTH_PROBE_ACME_STAGING: String(acme?.staging ?? false),
    ...(project === undefined ? {} : { BERTH_PROBE_PROJECT: project }),
    ...(node === undefined ? {} : { BERTH_PROBE_NODE: node }),
  };
}

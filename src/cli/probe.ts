import { probeMain } from "../verify/probe.ts";

export const help = `
Looks at a server from where you stand: ports that must answer and ports that must not,
readiness through the proxy, the certificate, the clock. Told by the environment:

  BERTH_PROBE_ADDRESS        address of the server (\`pulumi stack output address\`)
  BERTH_PROBE_ADDRESS6       its IPv6 address, when it has one
  BERTH_PROBE_APP_PORT       port of the API inside its container, which must not answer; default 3000
  BERTH_PROBE_DOMAIN         name it is served under by HTTPS; empty: plain HTTP
  BERTH_PROBE_READY_PATH     default /readyz
  BERTH_PROBE_ACME_STAGING   true: the certificate is a staging one

Prints a table on standard error and one line of JSON on standard output.
Exit code: 0 passed, 10 the release is at fault, 11 the host is.
`;

export function run(): Promise<number> {
  return probeMain(process.env);
}

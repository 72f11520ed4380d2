import { UsageError } from "./command.ts";
import { hostOf, onHost, takeStack } from "./host.ts";

export const help = `
Verifies the running release again: the same code and checks that judged its deployment, run on the server.

options
  --stack=NAME  default: the selected stack
  --json        the report as one line of JSON on standard output, without the table

Exit code: 0 verified, 10 the release is at fault, 11 the host is.
`;

/** The settle window (at most an hour by its schema, 45 s by default), the verifier's own bound and the connection. */
const TIMEOUT_SECONDS = 3_900;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, rest } = takeStack(args);
  const unknown = rest.filter((arg) => arg !== "--json");
  if (unknown.length > 0) throw new UsageError(`required --stack or --json; found ${unknown.join(" ")}`);
  return await onHost(await hostOf(stack), ["verify", ...(rest.includes("--json") ? ["--json"] : [])], TIMEOUT_SECONDS);
}

import { UsageError } from "./command.ts";
import { hostOf, onHost, takeStack } from "./host.ts";

export const help = `
Makes the release before the good one the good one, by the same transaction: started, verified, marked. Refused across
a change of the Redis or Postgres image, because an older one may not read what a newer one wrote. Migrations are not undone.
The next \`pulumi up\` brings back what the configuration says: change it, too.

options
  --stack=NAME  default: the selected stack

Exit code: 0 verified, 10 the release is at fault, 11 the host is, 1 refused.
`;

/** A transaction's own bounds add up to less: fetch, start, settle, verify. */
const TIMEOUT_SECONDS = 3_600;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, rest } = takeStack(args);
  if (rest.length > 0) throw new UsageError(`required --stack or nothing; found ${rest.join(" ")}`);
  return await onHost(await hostOf(stack), ["rollback"], TIMEOUT_SECONDS);
}

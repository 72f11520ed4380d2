import { UsageError } from "./command.ts";
import { hostOf, onHost, takeStack } from "./host.ts";

export const help = `
Says which release is good, which ran last and how it went, and how every container is.

options
  --stack=NAME  default: the selected stack
`;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, rest } = takeStack(args);
  if (rest.length > 0) throw new UsageError(`required --stack or nothing; found ${rest.join(" ")}`);
  return await onHost(await hostOf(stack), ["status"], 60);
}

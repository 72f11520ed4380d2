/** What every command of `berth` is, and how it fails. */

/** One command. Its module is loaded only when it is asked for, so that `berth --help` is quick. */
export interface Command {
  /** After `berth`, such as `init STACK [--yes]`. */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

export interface CommandModule {
  /** The rest of `berth help COMMAND`: options and examples. */
  readonly help: string;
  /** @returns the exit code: 0 done, 1 failed, or what the host's script answered. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

/** The command line itself is wrong: exit code 2, with the usage. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Something outside is not as the command needs it; the message says what to do. Shown without a stack trace. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

import { CommandError, UsageError, type Command } from "./command.ts";
import { ConfigError } from "../config/faults.ts";
import { wrap } from "../verify/table.ts";
import { Unreachable } from "../ssh.ts";

/** Every command, in the order of the help. To add one: a line here, and a module that exports `help` and `run`. */
const commands: Readonly<Record<string, Command>> = {
  init: {
    usage: "init STACK [options]",
    summary: "ask what a stack must decide; write its settings and secrets",
    load: () => import("./init.ts"),
  },
  verify: {
    usage: "verify [--stack=NAME] [--node=NAME] [options]",
    summary: "verify the running release again, on the server",
    load: () => import("./verify.ts"),
  },
  status: {
    usage: "status [--stack=NAME] [--node=NAME]",
    summary: "good release, last verdict, every container",
    load: () => import("./status.ts"),
  },
  doctor: {
    usage: "doctor [SECTION] [--stack=NAME] [--node=NAME] [--json]",
    summary: "why is it slow: likely causes, each with figures and the next step",
    load: () => import("./doctor.ts"),
  },
  logs: {
    usage: "logs [SERVICE…] [--stack=NAME] [--node=NAME] [options]",
    summary: "what the services' containers logged",
    load: () => import("./logs.ts"),
  },
  exec: {
    usage: "exec [--stack=NAME] [--node=NAME] SERVICE [--] COMMAND…",
    summary: "run a command in a service's container",
    load: () => import("./exec.ts"),
  },
  ssh: {
    usage: "ssh [--stack=NAME] [--node=NAME] [-- COMMAND…]",
    summary: "a shell on the server, or one command",
    load: () => import("./ssh.ts"),
  },
  rollback: {
    usage: "rollback [--stack=NAME] [--node=NAME]",
    summary: "go back to the good release, or from it to the one before",
    load: () => import("./rollback.ts"),
  },
  probe: {
    usage: "probe [--stack=NAME]",
    summary: "look at a server from here: ports, readiness, certificate, clock",
    load: () => import("./probe.ts"),
  },
  firewall: {
    usage: "firewall open|close [--stack=NAME] [options]",
    summary: "let this machine in to port 22 for a while: for pipelines",
    load: () => import("./firewall.ts"),
  },
};

/**
 * Run one command line.
 * @param args what follows `berth`
 * @returns the exit code: 2 for a wrong command line, else the command's.
 */
export async function main(args: readonly string[], table: Readonly<Record<string, Command>> = commands): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") return help(rest[0], table);
  const command = lookUp(name, table);
  if (command === undefined) return unknown(name, table);
  // Behind `--` is a command of somebody else's, with options of its own.
  const own = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (own.includes("--help") || own.includes("-h")) return help(name, table);
  try {
    const { run } = await command.load();
    return await run(rest);
  } catch (error) {
    return failed(error, command);
  }
}

/** Own keys only: `berth constructor` is no command. */
function lookUp(name: string, table: Readonly<Record<string, Command>>): Command | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

async function help(name: string | undefined, table: Readonly<Record<string, Command>>): Promise<number> {
  const command = name === undefined ? undefined : lookUp(name, table);
  if (name !== undefined && command === undefined) return unknown(name, table);
  if (command !== undefined) {
    const module = await command.load();
    process.stdout.write(`usage: berth ${command.usage}\n\n${command.summary}\n\n${laidOut(module.help.trim())}\n`);
    return 0;
  }
  const width = Math.max(...Object.keys(table).map((it) => it.length));
  const list = Object.entries(table).map(([it, { summary }]) => `  ${it.padEnd(width)}  ${summary}`);
  process.stdout.write(`usage: berth COMMAND …\n\n${list.join("\n")}\n\n\`berth help COMMAND\` tells more.\n`);
  return 0;
}

const COLUMNS = 80;

/** Sentences in lines of 80 columns; lists as they stand. */
function laidOut(text: string): string {
  return text.split("\n\n").map((block) => (/^ /m.test(block) ? block : wrap(block, COLUMNS).join("\n"))).join("\n\n");
}

function unknown(name: string, table: Readonly<Record<string, Command>>): number {
  process.stderr.write(`berth: required one of the commands ${Object.keys(table).join(", ")}; found ${JSON.stringify(name)}; see \`berth --help\`\n`);
  return 2;
}

function failed(error: unknown, command: Command): number {
  if (error instanceof UsageError) {
    process.stderr.write(`berth: ${error.message}\nusage: berth ${command.usage}\n`);
    return 2;
  }
  if (error instanceof CommandError || error instanceof ConfigError || error instanceof Unreachable) {
    process.stderr.write(`berth: ${error.message}\n`);
    return 1;
  }
  throw error;
}

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CommandError, UsageError, type Command, type CommandModule } from "../../src/cli/command.ts";
import { main } from "../../src/cli/main.ts";
import { ConfigError } from "../../src/config/faults.ts";

let out = "";
let err = "";
beforeEach(() => {
  out = "";
  err = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => ((out += String(text)), true));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => ((err += String(text)), true));
});
afterEach(() => vi.restoreAllMocks());

function command(run: (args: readonly string[]) => Promise<number>): Record<string, Command> {
  return { try: { usage: "try THING", summary: "tries", load: () => Promise.resolve({ help: "It tries.\n", run }) } };
}
function failing(failure: Error): Record<string, Command> {
  return command(async () => Promise.reject(failure));
}

test("the arguments after its name are the command's, and its code is the exit code", async () => {
  const run = vi.fn<CommandModule["run"]>(() => Promise.resolve(11));
  expect(await main(["try", "a", "--b"], command(run))).toBe(11);
  expect(run).toHaveBeenCalledWith(["a", "--b"]);
});

describe("help", () => {
  test("of every command that speaks to a server fits 80 columns", async () => {
    await main(["--help"]);
    const names = [...out.matchAll(/^ {2}(\w+) {2}/gm)].map(([, name = ""]) => name);
    expect(names).toContain("verify");
    out = "";
    for (const name of names.filter((it) => it !== "init")) await main([name, "--help"]);
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test.each([[[]], [["--help"]], [["-h"]], [["help"]]])("%j lists every command", async (args) => {
    expect(await main(args, command(() => Promise.resolve(0)))).toBe(0);
    expect(out).toBe("usage: berth COMMAND …\n\n  try  tries\n\n`berth help COMMAND` tells more.\n");
  });

  test.each([[["help", "try"]], [["try", "--help"]], [["try", "a", "-h"]]])("%j tells of one, and runs nothing", async (args) => {
    const run = vi.fn<CommandModule["run"]>(() => Promise.resolve(0));
    expect(await main(args, command(run))).toBe(0);
    expect(out).toBe("usage: berth try THING\n\ntries\n\nIt tries.\n");
    expect(run).not.toHaveBeenCalled();
  });
});

describe("failures", () => {
  test.each([["deploy"], ["constructor"], ["__proto__"]])("%s is no command", async (name) => {
    expect(await main([name], command(() => Promise.resolve(0)))).toBe(2);
    expect(err).toBe(`berth: required one of the commands try; found "${name}"; see \`berth --help\`\n`);
  });

  test("a wrong command line gives the usage and 2", async () => {
    expect(await main(["try"], failing(new UsageError("required a thing; found none")))).toBe(2);
    expect(err).toBe("berth: required a thing; found none\nusage: berth try THING\n");
  });

  test("an expected failure gives its message alone and 1", async () => {
    expect(await main(["try"], failing(new CommandError("opening it: required open; found shut")))).toBe(1);
    expect(err).toBe("berth: opening it: required open; found shut\n");
  });

  test("a configuration refused gives its lines and 1", async () => {
    expect(await main(["try"], failing(new ConfigError([{ path: "domain", required: "a name", found: "7" }], "next: correct it")))).toBe(1);
    expect(err).toBe("berth: domain: required a name; found 7\nnext: correct it\n");
  });

  test("a bug is thrown, with its stack", async () => {
    await expect(main(["try"], failing(new TypeError("undefined is not a function")))).rejects.toThrow(TypeError);
  });
});

test("the program itself starts, from any directory", () => {
  const bin = fileURLToPath(new URL("../../src/cli/bin.mjs", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [bin, "--help"], { cwd: "/", encoding: "utf8" });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^usage: berth COMMAND …\n\n {2}init /);
});

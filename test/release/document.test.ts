import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { array, assert, boolean, constantFrom, oneof, property, string } from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { document, type Layout } from "../../src/release/document.ts";
import type { Entry } from "../../src/release/entry.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-document-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** The host's shell is dash, which is what `sh` is on Debian. */
function run(text: string): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync("dash", ["-eu"], { input: text, encoding: "utf8", env: { PATH: process.env["PATH"], BERTH_ROOT: root } });
  return { status, stderr };
}

/** Everything below the root but the lock: `path mode`, or `path -> target`. */
function laid(): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .map((found) => {
      const path = join(found.parentPath, found.name);
      const name = `/${relative(root, path)}`;
      return found.isSymbolicLink() ? `${name} -> ${readlinkSync(path)}` : `${name} ${(statSync(path).mode & 0o7777).toString(8).padStart(4, "0")}`;
    })
    .filter((line) => !line.startsWith("/var"))
    .toSorted();
}

function entry(path: string, text: string, mode = "0644"): Entry {
  return { path, mode, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, text };
}

const layout: Layout = {
  title: "test",
  directories: [{ path: "/opt/secrets", mode: "0711" }],
  entries: [entry("/opt/a/berth", "#!/bin/sh\necho $HOME `id` \\n\n", "0755"), entry("/opt/secrets/pass", "p'w$\"`\\", "0400"), entry("/opt/a/deep/er/file.conf", "x\n")],
  links: [{ path: "/opt/a/current", target: "deep" }],
};

test("the sums of what was laid down are the host's to write: the text has none, and sha256sum agrees with them", () => {
  const base = { variable: "release", path: "/opt/releases/a" };
  const entries = [entry("/opt/releases/a/compose.yaml", "name: berth\n"), entry("/opt/releases/a/it's", "x"), entry("/opt/releases/a/host/etc/x", "y\n")];
  expect(run(document({ title: "test", base, entries, summed: [base.path] }))).toEqual({ status: 0, stderr: "" });
  const sums = readFileSync(join(root, "opt/releases/a/sums"), "utf8");
  expect(sums.replaceAll(/[0-9a-f]{64}/g, "SUM")).toBe("SUM  /opt/releases/a/compose.yaml\nSUM  /opt/releases/a/it's\n");
  expect(spawnSync("sha256sum", ["--check", "--quiet"], { input: sums.replaceAll("  /", `  ${root}/`) }).status).toBe(0);
});

test("a release's directory is named once, so that a preview shows it once", () => {
  const under = (name: string): Layout => ({
    ...layout,
    base: { variable: "release", path: `/opt/releases/${name}` },
    entries: [entry(`/opt/releases/${name}/compose.yaml`, "name: berth\n"), entry(`/opt/releases/${name}/it's`, "x\n"), entry(`/opt/releases/${name}-not`, "y\n")],
    links: [],
  });
  expect(document(under("a")).split("\n").filter((line) => line.includes("/opt/releases/a/"))).toEqual([]);
  expect(document(under("a")).match(/\/opt\/releases\/a'/g)).toHaveLength(1);
  expect(run(document(under("a")))).toEqual({ status: 0, stderr: "" });
  expect(laid().filter((path) => path.startsWith("/opt/releases/"))).toEqual(["/opt/releases/a 0755", "/opt/releases/a-not 0644", "/opt/releases/a/compose.yaml 0644", "/opt/releases/a/it's 0644"]);
});

test("what it lays down: bytes, modes, directories, links", () => {
  expect(run(document(layout))).toEqual({ status: 0, stderr: "" });
  expect(laid()).toMatchInlineSnapshot(`
    [
      "/opt 0755",
      "/opt/a 0755",
      "/opt/a/berth 0755",
      "/opt/a/current -> deep",
      "/opt/a/deep 0755",
      "/opt/a/deep/er 0755",
      "/opt/a/deep/er/file.conf 0644",
      "/opt/secrets 0711",
      "/opt/secrets/pass 0400",
    ]
  `);
  expect(readFileSync(join(root, "opt/a/berth"), "utf8")).toBe("#!/bin/sh\necho $HOME `id` \\n\n");
  expect(readFileSync(join(root, "opt/secrets/pass"), "utf8")).toBe("p'w$\"`\\");
});

test("a second run keeps each file as it is: the same inode, so that no mount goes stale", () => {
  run(document(layout));
  const inode = statSync(join(root, "opt/a/deep/er/file.conf")).ino;
  expect(run(document(layout)).status).toBe(0);
  expect(statSync(join(root, "opt/a/deep/er/file.conf")).ino).toBe(inode);
});

test("a file whose bytes were changed on the host is put right", () => {
  run(document(layout));
  writeFileSync(join(root, "opt/a/deep/er/file.conf"), "tampered\n");
  expect(run(document(layout)).status).toBe(0);
  expect(readFileSync(join(root, "opt/a/deep/er/file.conf"), "utf8")).toBe("x\n");
});

test("a mode that was changed on the host is put right, without a new file", () => {
  run(document(layout));
  spawnSync("chmod", ["0666", join(root, "opt/secrets/pass")]);
  run(document(layout));
  expect(laid()).toContain("/opt/secrets/pass 0400");
});

test("a link that is there is left: where it points is for a release to say; and nothing is removed", () => {
  run(document(layout));
  expect(run(document({ title: "next", entries: [entry("/opt/a/new", "y\n")], links: [{ path: "/opt/a/current", target: "new" }] })).status).toBe(0);
  expect(laid()).toEqual(expect.arrayContaining(["/opt/a/current -> deep", "/opt/a/new 0644", "/opt/a/deep/er/file.conf 0644"]));
});

test("a link that points nowhere is made again", () => {
  run(document(layout));
  rmSync(join(root, "opt/a/current"));
  symlinkSync("gone", join(root, "opt/a/current"));
  run(document(layout));
  expect(readlinkSync(join(root, "opt/a/current"))).toBe("deep");
});

test("nothing is laid down while what no release needs is being removed", async () => {
  run(document(layout));
  const lock = join(root, "var/lib/berth/files.lock");
  const holder = spawn("flock", [lock, "sh", "-c", `echo held; sleep 1; [ ! -e ${root}/late ] || touch ${root}/too-early`], { stdio: ["ignore", "pipe", "ignore"] });
  await once(holder.stdout, "data");
  expect(run(document({ title: "next", entries: [entry("/late", "x\n")] })).status).toBe(0);
  expect(laid()).toContain("/late 0644");
  expect(laid().filter((line) => line.includes("too-early"))).toEqual([]);
});

test("a document cut off at any line lays nothing down", () => {
  const lines = document(layout).trimEnd().split("\n");
  for (let kept = 0; kept < lines.length; kept += 1) {
    run(lines.slice(0, kept).join("\n"));
    expect(laid(), `after ${kept} of ${lines.length} lines`).toEqual([]);
  }
});

test("a document cut off inside its last lines lays nothing down", () => {
  const text = document(layout);
  for (let missing = 2; missing < 60; missing += 1) {
    run(text.slice(0, -missing));
    expect(laid(), `${missing} characters missing`).toEqual([]);
  }
});

test("a text that holds its own end mark gets another", () => {
  // The third: dash loses the byte behind what could have been a mark.
  for (const text of ["before\nEND_OF_FILE\nA_END_OF_FILE\nafter\n", "END_OF_FILE", "END\u00e9\nA\u0300\n"]) {
    expect(run(document({ title: "t", entries: [entry("/x", text)] }))).toEqual({ status: 0, stderr: "" });
    expect(readFileSync(join(root, "x"), "utf8")).toBe(text);
  }
});

test("any text arrives as it is", () => {
  const line = oneof(constantFrom("END_OF_FILE", "A_END_OF_FILE", "E\u0300", "END\u00e9", "'", "$(id)", "`", "\\", "}", "", " ", "\t", "#", "lay_down"), string({ unit: "grapheme" }).map((it) => it.replaceAll("\0", "")));
  assert(property(array(line, { maxLength: 8 }), boolean(), (lines, newline) => {
    const text = lines.join("\n") + (newline ? "\n" : "");
    const { status, stderr } = run(document({ title: "t", entries: [entry("/x", text)] }));
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(readFileSync(join(root, "x"), "utf8")).toBe(text);
  }), { numRuns: 40 });
});

test("a path with a quote is one word", () => {
  expect(run(document({ title: "t", entries: [entry("/it's", "x\n")] })).status).toBe(0);
  expect(laid()).toEqual(["/it's 0644"]);
});

test("a NUL byte is refused before anything is sent", () => {
  expect(() => document({ title: "t", entries: [entry("/x", "a\0b")] })).toThrowErrorMatchingInlineSnapshot(`[Error: laying down /x: required: text; found: a NUL byte, which a shell cannot hold; leave it out]`);
});

/** A file for `docker cp`. */
export interface TarFile {
  /** Absolute. */
  readonly path: string;
  /** Octal, such as "0644". */
  readonly mode: string;
  readonly text: string;
}

const BLOCK = 512;

/** A tar archive (ustar) of files and of the directories above them, all root's: what `docker cp - CONTAINER:/` takes on standard input. */
export function tar(files: readonly TarFile[]): Buffer {
  const directories = new Set(files.flatMap(({ path }) => parents(path)));
  const parts = [...directories].map((path) => header(`${path}/`, "0755", 0, "5"));
  for (const { path, mode, text } of files) {
    const content = Buffer.from(text, "utf8");
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
    parts.push(header(path.replace(/^\//, ""), mode, content.length, "0"), content, padding);
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

/** Directories above a path, outermost first; not those that every root file system has. */
function parents(path: string): readonly string[] {
  const names = path.split("/").filter((it) => it !== "").slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join("/")).slice(1);
}

function header(name: string, mode: string, size: number, type: "0" | "5"): Buffer {
  if (Buffer.byteLength(name) > 100) throw new Error(`packing ${name}: at most 100 bytes are required of a path`);
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write(`${mode.padStart(7, "0")}\0`, 100);
  block.write("0000000\0", 108);
  block.write("0000000\0", 116);
  block.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  block.write(`${Math.floor(Date.now() / 1000).toString(8).padStart(11, "0")}\0`, 136);
  block.write("        ", 148);
  block.write(type, 156);
  block.write("ustar\x0000", 257);
  block.write("root", 265);
  block.write("root", 297);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

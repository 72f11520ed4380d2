/**
 * A real append-only file that takes Redis some seconds to load, in a few megabytes. A large one of plain SETs would need gigabytes for that on
 * a fast machine. Redis looks after its clients once per 1024 commands while it loads, so the work is spread evenly: each block of
 * 1024 commands holds one that is slow (SORT … STORE over the list of the first block), and the rest are cheap.
 */

const COMMANDS_PER_BLOCK = 1_024;
/** Members of the sorted list: 20 to 60 ms a SORT, against 1 ms for the rest of the block. */
const LIST_MEMBERS = 100_000;
const MEMBERS_PER_PUSH = 400;

/** Text of a plain `appendonly.aof` with `blocks` slow blocks, and `more` commands after them: the data one looks for afterwards. */
export function slowAof(blocks: number, more: readonly (readonly string[])[] = []): string {
  const commands: string[] = [encode(["SELECT", "0"])];
  for (let from = 0; from < LIST_MEMBERS; from += MEMBERS_PER_PUSH) {
    // Scrambled by a prime, so that sorting is work.
    const members = Array.from({ length: MEMBERS_PER_PUSH }, (_, index) => String(((from + index) * 7919) % 1_000_003));
    commands.push(encode(["RPUSH", "slow:list", ...members]));
  }
  const sort = encode(["SORT", "slow:list", "STORE", "slow:sorted"]);
  const cheap = encode(["DEL", "-"]);
  const block = sort + cheap.repeat(COMMANDS_PER_BLOCK - 1);
  commands.push(block.repeat(blocks), encode(["DEL", "slow:list", "slow:sorted"]));
  for (const command of more) commands.push(encode(command));
  return commands.join("");
}

/** The manifest beside which Redis 7 and later take `text` as the only incremental file. */
export function aofFiles(name = "appendonly.aof"): { readonly manifest: string; readonly manifestPath: string; readonly path: string } {
  return { path: `appendonlydir/${name}.1.incr.aof`, manifestPath: `appendonlydir/${name}.manifest`, manifest: `file ${name}.1.incr.aof seq 1 type i\n` };
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}

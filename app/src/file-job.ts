import { createHash, scrypt } from "node:crypto";

/** A file to digest: so many megabytes of made-up content, which stands for an upload. */
export interface FileJob {
  readonly name: string;
  readonly megabytes: number;
}

export interface FileResult {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly key: string;
}

export const MAX_MEGABYTES = 2_048;
const MEGABYTE = 1_048_576;
/** scrypt's cost for one slice: about 25 ms of one core, and 8 MiB. */
const COST = { N: 8_192, r: 8, p: 1 } as const;
/** Between two reports of progress, at least, in milliseconds: each is a write to Redis, an event and an UPDATE. */
const REPORT_EVERY_MS = 250;

/**
 * Work that costs CPU, as a transcoder's does: every megabyte is hashed and stretched by scrypt. In slices on Node's thread pool, so that
 * the event loop goes on: a lock that is not renewed for 30 s, or a heartbeat that stops, hands the job to somebody else.
 */
export async function processFile({ name, megabytes }: FileJob, report: (percent: number) => Promise<unknown>): Promise<FileResult> {
  const hash = createHash("sha256");
  let key: Buffer = Buffer.from(name);
  let reported = performance.now();
  for (let slice = 0; slice < megabytes; slice += 1) {
    const content = Buffer.alloc(MEGABYTE, `${name}:${slice};`);
    hash.update(content);
    key = await stretch(key, content.subarray(0, 64));
    const now = performance.now();
    if (now - reported < REPORT_EVERY_MS) continue;
    reported = now;
    await report(Math.floor(((slice + 1) / megabytes) * 100));
  }
  await report(100);
  return { name, bytes: megabytes * MEGABYTE, sha256: hash.digest("hex"), key: key.toString("hex") };
}

function stretch(key: Buffer, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(key, salt, 32, COST, (error, derived) => (error === null ? resolve(derived) : reject(error)));
  });
}

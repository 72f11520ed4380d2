import { createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";

const schema = z.object({
  version: z.literal(1),
  salt: z.string(),
  resources: z.record(z.string(), z.object({
    type: z.string(),
    id: z.string(),
    /** Input -> HMAC of its value: enough to see a change, and no secret is written down. */
    inputs: z.record(z.string(), z.string()),
    /** What the resource gave beyond its inputs. May hold what a command printed: the file is 0600. */
    outputs: z.record(z.string(), z.unknown()),
  })),
});
export type Entry = z.infer<typeof schema>["resources"][string];

/** What earlier runs made, by URN. Written after every resource, so that an interrupted run is continued. */
export class State {
  readonly #file: string;
  readonly #data: z.infer<typeof schema>;

  constructor(file: string) {
    this.#file = file;
    this.#data = existsSync(file) ? schema.parse(JSON.parse(readFileSync(file, "utf8"))) : { version: 1, salt: randomBytes(32).toString("hex"), resources: {} };
  }

  get(urn: string): Entry | undefined {
    return this.#data.resources[urn];
  }

  urns(): string[] {
    return Object.keys(this.#data.resources);
  }

  set(urn: string, entry: Entry): void {
    this.#data.resources[urn] = entry;
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#data, null, 1), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }

  digests(inputs: Readonly<Record<string, unknown>>): Record<string, string> {
    return Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, createHmac("sha256", this.#data.salt).update(canonical(value)).digest("hex")]));
  }
}

/** JSON with sorted keys: equal values give equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner) ?? "undefined";
}

import { createHash } from "node:crypto";
import { z } from "zod";
import { assertUniqueName } from "./books.ts";
import { invalidField, notUnique } from "./errors.ts";
import { listing } from "./listing.ts";
import type { SshKeyRecord } from "./records.ts";
import { get, labels, name, post, put, remove, rename, renaming, type Route } from "./route.ts";

const creation = z.object({ name, public_key: z.string().min(1), labels });

function view(key: SshKeyRecord): object {
  return { id: key.id, name: key.name, fingerprint: key.fingerprint, public_key: key.publicKey, labels: key.labels, created: key.created };
}

export const sshKeyRoutes: readonly Route[] = [
  get("/ssh_keys", ({ books, query }) => {
    const fingerprint = query.get("fingerprint");
    const { items, meta } = listing([...books.sshKeys.values()].filter((key) => fingerprint === null || key.fingerprint === fingerprint), query);
    return { ssh_keys: items.map(view), meta };
  }),
  get("/ssh_keys/{id}", ({ books, id }) => ({ ssh_key: view(books.sshKey(id)) })),
  post("/ssh_keys", creation, ({ books, body }) => {
    const fingerprint = fingerprintOf(body.public_key);
    assertUniqueName(books.sshKeys, "SSH key", body.name);
    if ([...books.sshKeys.values()].some((key) => key.fingerprint === fingerprint)) {
      throw notUnique("public_key", "SSH key with the same fingerprint already exists");
    }
    const key: SshKeyRecord = {
      id: books.nextId(), name: body.name, labels: body.labels, created: new Date().toISOString(), publicKey: body.public_key, fingerprint,
    };
    books.sshKeys.set(key.id, key);
    return { ssh_key: view(key) };
  }),
  put("/ssh_keys/{id}", renaming, ({ books, id, body }) => {
    const key = books.sshKey(id);
    if (typeof body.name === "string") assertUniqueName(books.sshKeys, "SSH key", body.name, id);
    rename(key, body);
    return { ssh_key: view(key) };
  }),
  remove("/ssh_keys/{id}", ({ books, id }) => {
    books.sshKey(id);
    books.sshKeys.delete(id);
    return undefined;
  }),
];

/** MD5 of the key blob in colon-separated hex: how the API identifies a key. */
function fingerprintOf(publicKey: string): string {
  const [algorithm = "", blob = ""] = publicKey.trim().split(/\s+/);
  const bytes = Buffer.from(blob, "base64");
  // The blob begins with the algorithm's name as a length-prefixed string.
  const named = bytes.length > 4 && bytes.length >= 4 + bytes.readUInt32BE(0) ? bytes.toString("latin1", 4, 4 + bytes.readUInt32BE(0)) : "";
  if (named === "" || named !== algorithm) throw invalidField("public_key", "SSH key not valid");
  return createHash("md5").update(bytes).digest("hex").replaceAll(/(..)(?!$)/g, "$1:");
}

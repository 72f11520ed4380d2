import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** Name -> type -> values. A name that is not here does not exist; a type that is not here has no records. */
export type Zone = Record<string, { readonly A?: readonly string[]; readonly AAAA?: readonly string[]; readonly NS?: readonly string[] }>;

const TYPES = { A: 1, NS: 2, AAAA: 28 } as const;
const NXDOMAIN = 3;
const SERVFAIL = 2;

/** A name server on loopback, over UDP: what this machine's resolver, or a zone's own server, says in a test. */
export class DnsServer {
  readonly asked: string[] = [];
  /** Answer every question with SERVFAIL. */
  broken = false;
  readonly zone: Zone;
  readonly #socket: Socket;

  private constructor(socket: Socket, zone: Zone) {
    this.#socket = socket;
    this.zone = zone;
    socket.on("message", (query, from) => socket.send(this.#answer(query), from.port, from.address));
  }

  static async start(zone: Zone): Promise<DnsServer> {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new DnsServer(socket, zone);
  }

  /** `ADDRESS:PORT`. */
  get at(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  close(): void {
    this.#socket.close();
  }

  #answer(query: Buffer): Buffer {
    const end = query.indexOf(0, 12);
    const question = query.subarray(12, end + 5);
    const labels: string[] = [];
    for (let at = 12; at < end; at += (query[at] ?? 0) + 1) labels.push(query.toString("latin1", at + 1, at + 1 + (query[at] ?? 0)));
    const name = labels.join(".").toLowerCase();
    const type = Object.entries(TYPES).find(([, number]) => number === query.readUInt16BE(end + 1))?.[0];
    this.asked.push(`${name} ${type ?? "?"}`);
    const records = this.zone[name];
    const values = type === undefined ? [] : records?.[type as keyof typeof TYPES] ?? [];
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    // A response, authoritative, recursion available.
    header.writeUInt16BE(0x8480 | (this.broken ? SERVFAIL : records === undefined ? NXDOMAIN : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(this.broken ? 0 : values.length, 6);
    return Buffer.concat([header, question, ...(this.broken ? [] : values.map((value) => record(type ?? "", value)))]);
  }
}

function record(type: string, value: string): Buffer {
  const data = type === "A" ? Buffer.from(value.split(".").map(Number)) : type === "AAAA" ? ipv6(value) : encoded(value);
  const head = Buffer.alloc(12);
  // The name is the question's: a pointer to it.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(TYPES[type as keyof typeof TYPES], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(60, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function ipv6(address: string): Buffer {
  const [left = "", right] = address.split("::");
  const groups = (text: string | undefined): string[] => (text ?? "").split(":").filter((it) => it !== "");
  const [before, after] = [groups(left), groups(right)];
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => "0"), ...after];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}

function encoded(name: string): Buffer {
  return Buffer.concat([...name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])), Buffer.from([0])]);
}

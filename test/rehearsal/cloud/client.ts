import { z } from "zod";
import { type CloudApi, type CloudOptions, startCloud } from "../../../rehearsal/cloud/api.ts";
import { FakeMachines } from "./fake-machines.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

/** JSON as it came, with a way into it that fails loudly. */
export class Json {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }

  at(...path: readonly (string | number)[]): unknown {
    let value = this.value;
    for (const step of path) {
      if (typeof value !== "object" || value === null) throw new Error(`read ${path.join(".")}: an object is required at '${step}', found ${JSON.stringify(value)} in ${JSON.stringify(this.value)}`);
      value = new Map(Object.entries(value)).get(String(step));
    }
    return value;
  }

  id(...path: readonly (string | number)[]): number {
    return z.number().parse(this.at(...path, "id"));
  }
}

export const PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDI1NTE5AAAAIDI1NTE5AAAAIDI1NTE5AAAAIDI1 deploy";

/** A stand-in with remembered machines, and a plain client that polls actions as the official ones do. */
export class Bench {
  readonly machines: FakeMachines;
  readonly api: CloudApi;

  private constructor(api: CloudApi, machines: FakeMachines) {
    this.api = api;
    this.machines = machines;
  }

  static async start(options: Partial<CloudOptions> = {}): Promise<Bench> {
    const machines = new FakeMachines();
    return new Bench(await startCloud({ machines, ipv4Addresses: ["192.0.2.10", "192.0.2.11"], ...options }), machines);
  }

  async send(method: string, path: string, body?: unknown, token = this.api.token): Promise<Answer> {
    const response = await fetch(`${this.api.url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: new Json(text === "" ? undefined : JSON.parse(text)) };
  }

  get(path: string): Promise<Answer> {
    return this.send("GET", path);
  }

  post(path: string, body: unknown = {}): Promise<Answer> {
    return this.send("POST", path, body);
  }

  /** Post and wait until nothing is under way any more. */
  async done(path: string, body: unknown = {}): Promise<Answer> {
    const answer = await this.post(path, body);
    await this.api.books.actions.idle();
    return answer;
  }

  async error(answer: Promise<Answer>): Promise<string> {
    const { status, body } = await answer;
    return `${status} ${String(body.at("error", "code"))}: ${String(body.at("error", "message"))}`;
  }

  close(): Promise<void> {
    return this.api.close();
  }
}

/** The smallest server: everything else by default. */
export const SMALL = { name: "small", server_type: "cx23", image: "debian-13", location: "nbg1" };
